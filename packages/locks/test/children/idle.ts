// Holds leases and has nothing left to do: Node ends it by itself.
import process from 'node:process';
import { releaseOnExit } from '../../src/exit.ts';
import { MemoryLockManager } from '../../src/memory.ts';

const locks = new MemoryLockManager();
const stop = releaseOnExit([locks]);
const lease = await locks.acquire('resource');
const { signal } = lease;
process.exitCode = 3;
process.on('exit', (code) => {
  const listening = process.listenerCount('SIGTERM') + process.listenerCount('SIGINT');
  process.stdout.write(`${code} ${lease.state} ${signal.reason?.reason} ${listening}\n`);
});
if (process.argv[2] === 'stopped') stop();
