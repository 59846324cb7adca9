// Stands in line ten times over, says so, and waits to be killed.
import { RedisLockManager } from '../../src/redis.ts';

const [url = '', namespace = '', resource = ''] = process.argv.slice(2);
const locks = new RedisLockManager({ redis: url, namespace });
for (let n = 0; n < 10; n += 1) {
  locks.acquire(resource, { holder: { id: `dead${n}` }, waitMs: 60_000 }).catch(() => undefined);
}
while ((await locks.inspect(resource)).queue < 10);
process.stdout.write('waiting\n');
