import { expect, it } from 'vitest';
import { redisOfThisFile } from './redis-stores.fixture.ts';

const redis = redisOfThisFile();

it('[RS1] a key made anew gets a greater version even when the clock of the store stepped back', async () => {
  const { records } = await redis.stores({ namespace: 'step', shards: 1 });
  await redis.link().command('set', 'step:{s0}:recstamp', '8000000000000000');
  expect(await records.put('k', 1, { expects: 'absent' })).toEqual({ kind: 'written', version: 8_000_000_000_000_001 });
  await records.delete('k');
  expect(await records.put('k', 1, { expects: 'absent' })).toEqual({ kind: 'written', version: 8_000_000_000_000_002 });
});

it('[RS3] the index does not keep the keys of lapsed records', async () => {
  const { records } = await redis.stores({ namespace: 'lapse', shards: 1 });
  for (let n = 0; n < 10; n++) await records.put(`k${n}`, n, { expects: 'any', ttlMs: 1 });
  await redis
    .link()
    .command('zadd', 'lapse:{s0}:recends', ...Array.from({ length: 10 }, (_, n) => [1, `k${n}`]).flat());
  await records.put('stays', 1, { expects: 'any' });
  expect(await redis.link().command('zrange', 'lapse:{s0}:recs', 0, -1)).toEqual(['stays']);
  expect(await redis.link().command('exists', 'lapse:{s0}:recends')).toBe(0);
});

it('[RS5] a record of an unknown version, or of another key, is a fault that says so', async () => {
  const { records } = await redis.stores({ namespace: 'bad', shards: 1 });
  await redis.link().command('hset', 'bad:{s0}:rec:newer', 'v', '2', 'key', 'newer');
  await redis.link().command('hset', 'bad:{s0}:rec:other', 'v', '1', 'key', 'else', 'version', '1', 'value', '1');
  await expect(records.get('newer')).rejects.toMatchObject({ code: 'RECORD_VERSION_UNSUPPORTED' });
  await expect(records.put('newer', 1, { expects: 'any' })).rejects.toMatchObject({
    code: 'RECORD_VERSION_UNSUPPORTED',
  });
  await expect(records.get('other')).rejects.toMatchObject({ code: 'ID_COLLISION' });
  await expect(records.put('other', 1, { expects: 'any' })).rejects.toMatchObject({ code: 'ID_COLLISION' });
  await expect(records.delete('other')).rejects.toMatchObject({ code: 'ID_COLLISION' });
});
