// Holds a lease and a permit, and is told to end. What it prints: the ids of both, then, on its
// way out, why the lease is over.
import process from 'node:process';
import { releaseOnExit } from '../../src/exit.ts';
import { RedisLockManager } from '../../src/redis.ts';

const [url = '', namespace = '', resource = '', leases = '', budgetMs = '', own = ''] = process.argv.slice(2);
const locks = new RedisLockManager({ redis: url, namespace, commandTimeoutMs: 60_000 });
if (leases !== 'none')
  releaseOnExit(locks, { leases: leases === 'keep' ? 'keep' : 'release', budgetMs: Number(budgetMs) });
// An application with a mind of its own about SIGTERM: it takes a moment, and tells how often it was told.
let told = 0;
if (own === 'own')
  process.on('SIGTERM', () => {
    told += 1;
    setTimeout(() => process.exit(10 + told), 500);
  });
const lease = await locks.acquire(resource, { holder: { id: 'child' }, ttlMs: 1_500 });
const permit = await locks.semaphore('gpu', { permits: 2 }).acquire({ holder: { id: 'child' }, ttlMs: 1_500 });
process.stdout.write(`${lease.leaseId} ${permit.leaseId}\n`);
process.stdin.resume();
