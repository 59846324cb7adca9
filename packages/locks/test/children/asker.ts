// Asks for a lease until it is ended from outside.
import { RedisLockManager } from '../../src/redis.ts';

const [url = '', namespace = '', resource = '', graceMs = ''] = process.argv.slice(2);
const locks = new RedisLockManager({ redis: url, namespace });
await locks.requestTakeover(resource, {
  by: { id: 'asker' },
  graceMs: Number(graceMs),
  onAsked: () => process.stdout.write('asked\n'),
});
