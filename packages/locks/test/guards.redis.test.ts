import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { FENCE_LUA, guardKeyOf, RedisGuard } from '../src/guards.ts';
import { fenceOf, MemoryLockManager, seededEntropy } from '../src/index.ts';
import { RedisLink, type Script } from '../src/redis.ts';

let redis: Backend;
let link: RedisLink;
let guard: RedisGuard<Script>;
const old = fenceOf(1_700_000_000_000_001);
const young = fenceOf(1_700_000_000_000_002);

beforeAll(async () => {
  redis = await startRedis();
  link = RedisLink.open({ redis: redis.url });
  guard = new RedisGuard(link);
});
afterAll(async () => {
  await link.close();
  await redis.stop();
});

describe('the Redis guard', () => {
  it('[GD1] [GD2] [GD4] writes under the newest fence, again and again, and refuses an older one unchanged', async () => {
    expect(await guard.set('doc:1', 'young', young)).toEqual({ kind: 'written', result: 'OK' });
    expect(await guard.set('doc:1', 'young again', young)).toMatchObject({ kind: 'written' });
    expect(await guard.set('doc:1', 'old', old)).toEqual({
      kind: 'stale',
      resource: '{doc:1}:fence',
      fence: old,
      seen: young,
    });
    expect(await link.command('get', 'doc:1')).toBe('young again');
    expect(await link.command('get', '{doc:1}:fence')).toBe(young);
  });

  it('[MT4] counts what it refuses', async () => {
    const { metrics } = new MemoryLockManager();
    const counting = new RedisGuard(link, { metrics });
    await counting.set('doc:counted', 'young', young);
    await counting.set('doc:counted', 'old', old);
    expect(metrics.snapshot().staleWrites).toBe(1);
  });

  it('[GD3] a script of the user’s own runs behind it, with its own keys and arguments', async () => {
    const add = guard.script(`
      local balance = redis.call('INCRBY', KEYS[1], ARGV[1])
      redis.call('RPUSH', KEYS[2], ARGV[2])
      return {balance, #KEYS, #ARGV}`);
    const request = { guard: '{acct}:fence', keys: ['{acct}:sum', '{acct}:why'], args: ['5', 'gift'] };
    expect(await guard.run(add, { ...request, fence: young })).toEqual({ kind: 'written', result: [5, 2, 2] });
    await link.command('script', 'flush');
    expect(await guard.run(add, { ...request, fence: young })).toEqual({ kind: 'written', result: [10, 2, 2] });
    expect(await guard.run(add, { ...request, fence: old })).toMatchObject({ kind: 'stale', seen: young });
    expect(await link.command('get', '{acct}:sum')).toBe('10');
  });

  it('[GD3] a script that answers nothing, false, or an error says just that', async () => {
    const run = (body: string): Promise<unknown> =>
      guard.run(guard.script(body), { guard: 'answers:fence', fence: young });
    expect(await run('return nil')).toEqual({ kind: 'written', result: null });
    expect(await run('return false')).toEqual({ kind: 'written', result: null });
    await expect(run(`return redis.pcall('INCR')`)).rejects.toThrow();
    await expect(run(`return redis.call('LPUSH', KEYS[1], 'x')`)).rejects.toThrow();
  });

  it('[GD3] the prelude stands before a script of any shape', async () => {
    const script = link.script(`${FENCE_LUA}
      local seen = fence_admit(KEYS[1], ARGV[1])
      if seen then return 'stale after ' .. seen end
      return redis.call('INCR', KEYS[2])`);
    expect(await link.run(script, ['{n}:fence', '{n}'], [young])).toBe(1);
    expect(await link.run(script, ['{n}:fence', '{n}'], [old])).toBe(`stale after ${young}`);
  });

  it('[GD3] many writers at once: the fences of what was written never go down', async () => {
    const links = Array.from({ length: 4 }, () => RedisLink.open({ redis: redis.url }));
    const entropy = seededEntropy(7);
    const body = `return redis.call('RPUSH', KEYS[1], ARGV[1])`;
    const outcomes = await Promise.all(
      links.flatMap((one) => {
        const mine = new RedisGuard(one);
        const append = mine.script(body);
        return Array.from({ length: 100 }, () => {
          const fence = fenceOf(Math.floor(entropy.random() * 50));
          return mine.run(append, { guard: '{many}:fence', fence, keys: ['{many}'], args: [fence] });
        });
      }),
    );
    const written = (await link.command('lrange', '{many}', 0, -1)) as string[];
    expect([...written].sort()).toEqual(written);
    expect(outcomes.filter(({ kind }) => kind === 'written')).toHaveLength(written.length);
    expect(outcomes.filter(({ kind }) => kind === 'stale').length).toBeGreaterThan(0);
    await Promise.all(links.map((one) => one.close()));
  });

  it('[GD1] admitting ahead of the first write shuts older writers out at once', async () => {
    await guard.set('doc:2', 'old', old);
    expect(await guard.admit(guardKeyOf('doc:2'), young)).toEqual({ kind: 'admitted' });
    expect(await guard.set('doc:2', 'late', old)).toMatchObject({ kind: 'stale', seen: young });
    expect(await guard.admit(guardKeyOf('doc:2'), old)).toMatchObject({ kind: 'stale', seen: young });
  });

  it('[GD5] refuses what is no fence, here and on the server, and touches nothing', async () => {
    await expect(guard.set('doc:3', 'x', '1.7e+15')).rejects.toThrow(RangeError);
    const raw = link.script(`${FENCE_LUA} return fence_admit(KEYS[1], ARGV[1])`);
    for (const text of ['', '17', '1.7000000000e+15', '170000000000000x'])
      await expect(link.run(raw, ['doc:3:fence'], [text])).rejects.toThrow(/BADFENCE/);
    await link.command('set', 'doc:4:fence', 'a note');
    await expect(link.run(raw, ['doc:4:fence'], [young])).rejects.toThrow(/BADFENCE/);
    expect(await link.command('exists', 'doc:3', 'doc:3:fence')).toBe(0);
  });

  it('[GD1] keeps the fence for good, or for as long as it was told', async () => {
    const short = new RedisGuard(link, { keepMs: 60_000 });
    await short.set('doc:5', 'x', young);
    expect(await link.command('pttl', guardKeyOf('doc:5'))).toBeGreaterThan(50_000);
    await guard.set('doc:6', 'x', young);
    expect(await link.command('pttl', guardKeyOf('doc:6'))).toBe(-1);
    expect(() => new RedisGuard(link, { keepMs: 0 })).toThrow(RangeError);
  });

  it('[GD3] the guard of a key is in the key’s slot', async () => {
    await using cluster = await startRedis({ config: { 'cluster-enabled': 'yes' } });
    const slots = RedisLink.open({ redis: cluster.url });
    const slot = (key: string): Promise<unknown> => slots.command('cluster', 'keyslot', key);
    for (const key of ['doc:1', 'app:{u1}:doc', '{a}{b}', 'a{', 'a{b', '{x}', 'ж'])
      expect(await slot(guardKeyOf(key)), key).toBe(await slot(key));
    for (const key of ['', 'a}b', '{}x']) expect(() => guardKeyOf(key)).toThrow(RangeError);
    await slots.close();
  });
});
