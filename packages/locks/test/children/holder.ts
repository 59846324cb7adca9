// Holds a lease until it is ended from outside.
import { RedisLockManager } from '../../src/redis.ts';

const [url = '', namespace = '', resource = '', ttlMs = ''] = process.argv.slice(2);
const locks = new RedisLockManager({ redis: url, namespace });
const lease = await locks.acquire(resource, { holder: { id: 'child' }, ttlMs: Number(ttlMs) });
process.stdout.write(`held ${lease.fence}\n`);
process.stdin.resume();
