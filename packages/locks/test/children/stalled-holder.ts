// Holds a lease and reads `valid` without ever yielding to a timer or a reply. Says what the
// first reading after a long stop was.
import { writeSync } from 'node:fs';
import { RedisLockManager } from '../../src/redis.ts';

const [url = '', namespace = '', resource = '', ttlMs = ''] = process.argv.slice(2);
const locks = new RedisLockManager({ redis: url, namespace });
const lease = await locks.acquire(resource, { holder: { id: 'stalled' }, ttlMs: Number(ttlMs) });
// Taken before anybody can know of the lease, so that a stop at any later point is seen.
let last = performance.now();
writeSync(1, `held ${lease.fence}\n`);
for (;;) {
  const now = performance.now();
  const isValid = lease.valid;
  if (now - last > Number(ttlMs)) {
    writeSync(1, `valid ${isValid}\n`);
    process.exit(0);
  }
  last = now;
}
