import { RedisLink } from '@devmentor/locks/redis';
import { RedisNamespace } from '@devmentor/runtime/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { RedisBoardStore } from '../src/redis.ts';
import { boardStoreContract } from '../src/testing.ts';

let redis: Backend;
let link: RedisLink;
let opened = 0;

beforeAll(async () => {
  redis = await startRedis();
  link = RedisLink.open({ redis: redis.url });
});

afterAll(async () => {
  await link.close();
  await redis.stop();
});

async function open(): Promise<RedisBoardStore> {
  opened += 1;
  return new RedisBoardStore(new RedisNamespace({ link, namespace: `t${opened}`, shards: 8 }));
}

boardStoreContract({ open });

describe('the keys of a board in Redis', () => {
  it('are the published ones, all in the slot of the board', async () => {
    const store = await open();
    const settings = { sources: [], budget: { contributions: 9, activations: 9, timeMs: 9 }, concurrency: 1 };
    await store.create({
      id: 'b',
      problem: { title: 'T', description: '', files: [] },
      settings,
      files: new Map(),
      contributions: [],
    });
    const text = '{"confidence":1,"evidence":[],"kind":"note","level":"fact","subject":{},"value":1}';
    await store.contribute('b', [{ id: 'x', author: 'ada', text, hash: '0'.repeat(64), supports: [] }]);
    const keys = (await link.command('keys', `t${opened}:*:blackboard:*`)) as string[];
    const board = keys.find((key) => key.endsWith(':blackboard:b')) ?? '';
    expect(board).toMatch(/^t\d+:\{s\d\}:blackboard:b$/);
    const [problem, status, createdAt] = (await link.command(
      'hmget',
      board,
      'problem',
      'status',
      'createdAt',
    )) as string[];
    expect([JSON.parse(problem ?? ''), status, Number(createdAt) > 1e12]).toEqual([
      { title: 'T', description: '', files: [] },
      'initializing',
      true,
    ]);
    const [[id, fields]] = (await link.command('xrange', `${board}:stream`, '-', '+')) as [[string, string[]]];
    expect([id, fields.slice(0, 4)]).toEqual(['1-0', ['source', 'ada', 'knowledge', text]]);
    expect(fields[4]).toBe('timestamp');
  });
});
