// Adds one to the counter again and again, each time under a lease. In one round it is stopped
// at the worst place: it has read the number, it has seen that its lease is valid, and it has
// not written yet.
import { writeSync } from 'node:fs';
import { RedisLockManager } from '@devmentor/locks/redis';
import { CounterFile, StaleWrite } from './counter-file.ts';

const [url = '', path = '', mode = '', rounds = '', stopIn = ''] = process.argv.slice(2);
const locks = new RedisLockManager({ redis: url, namespace: `counter-${mode}` });
const counter = new CounterFile(path);
let acknowledged = 0;
let refused = 0;

for (let round = 1; round <= Number(rounds); round += 1) {
  await locks.withLock('counter', { ttlMs: 400, waitMs: 60_000 }, (lease) => {
    const stop = (): void => {
      lease.assertValid();
      if (round === Number(stopIn)) {
        writeSync(1, `stopped ${lease.fence}\n`);
        process.kill(process.pid, 'SIGSTOP');
      }
    };
    try {
      if (mode === 'fenced') {
        const value = counter.readUnder(lease.fence);
        stop();
        counter.writeUnder(lease.fence, value + 1);
      } else {
        const { value, fence } = counter.read();
        stop();
        counter.write({ value: value + 1, fence });
      }
      acknowledged += 1;
    } catch (error) {
      if (!(error instanceof StaleWrite)) throw error;
      refused += 1;
    }
  });
}
await locks.close();
writeSync(1, `${JSON.stringify({ acknowledged, refused })}\n`);
