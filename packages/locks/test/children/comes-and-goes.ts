// Uses everything that opens a connection or sets an alarm, gives it all back, and ends only
// when nothing is left that would keep a process alive.
import { RedisLockManager } from '../../src/redis.ts';

const [url = '', namespace = ''] = process.argv.slice(2);
const locks = new RedisLockManager({ redis: url, namespace });
const first = await locks.acquire('gate', { holder: { id: 'first' } });
const waiting = locks.acquire('gate', { holder: { id: 'second' }, waitMs: 5_000 });
const stop = new AbortController();
for await (const _change of locks.watch('gate', { signal: stop.signal })) stop.abort();
await first.release();
await (await waiting).release();
await locks.close();
process.stdout.write('closed\n');
