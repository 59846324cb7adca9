// Topics and records decide alike in memory and in Redis, whose scripts are given the same time: every answer of
// any history is equal, with every stamp and version in it. (Of one shard: in Redis each has versions of its own.)
import { givenTime } from '@devmentor/locks/redis';
import { SimulatedClock } from '@devmentor/locks/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Json } from '../src/json.ts';
import type { LogStore } from '../src/log-store.ts';
import { memoryStores } from '../src/memory-stores.ts';
import type { RecordStore } from '../src/record-store.ts';
import { redisStores } from '../src/redis.ts';
import { redisOfThisFile } from './redis-stores.fixture.ts';

const redis = redisOfThisFile();

type Step =
  | { readonly kind: 'elapse'; readonly ms: number }
  | { readonly kind: 'append'; readonly name: string; readonly types: readonly string[]; readonly data: Json }
  | { readonly kind: 'read'; readonly name: string; readonly after: Cursor; readonly limit: number }
  | { readonly kind: 'last' | 'get' | 'delete'; readonly name: string }
  | { readonly kind: 'put'; readonly name: string; readonly value: Json; readonly expects: Expected }
  | { readonly kind: 'list'; readonly prefix: string; readonly after: string | undefined; readonly limit: number };

/** A place in a log: the start, one of the last that were given, or one that never was. */
type Cursor = 'start' | 'never' | 0 | 1 | 2;
type Expected = 'absent' | 'any' | 'latest' | 'former';

const name = fc.constantFrom('a', 'b:{s1}', 'ж"\\');
const data = fc.json({ maxDepth: 2 }).map((text) => JSON.parse(text) as Json);
const limit = fc.integer({ min: 1, max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('elapse' as const), ms: fc.constantFrom(0, 1, 40_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      name,
      types: fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 }),
      data,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      name,
      after: fc.constantFrom<Cursor>('start', 'never', 0, 1, 2),
      limit,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('last' as const, 'get' as const, 'delete' as const), name }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      name,
      value: data,
      expects: fc.constantFrom<Expected>('absent', 'any', 'any', 'latest', 'latest', 'former'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('list' as const),
      prefix: fc.constantFrom('', 'b', 'ж', 'z'),
      after: fc.option(name, { nil: undefined }),
      limit,
    }),
  },
);

/** Plays a history; what it was answered, step by step. */
async function play(
  { log, records }: { readonly log: LogStore; readonly records: RecordStore },
  steps: readonly Step[],
  clock: SimulatedClock,
): Promise<readonly unknown[]> {
  const given = new Map<string, string[]>();
  const versions = new Map<string, number[]>();
  const cursorOf = (topic: string, after: Cursor): string => {
    if (after === 'start') return '';
    return after === 'never' ? '0000000000000007' : (given.get(topic)?.at(-1 - after) ?? '');
  };
  const expectedOf = (key: string, expects: Expected): number | 'absent' | 'any' => {
    if (expects === 'absent' || expects === 'any') return expects;
    return versions.get(key)?.at(expects === 'latest' ? -1 : -2) ?? 'absent';
  };
  const take = async (one: Step): Promise<unknown> => {
    switch (one.kind) {
      case 'elapse':
        return await clock.advance(one.ms);
      case 'append': {
        const added = await log.append(
          one.name,
          one.types.map((type) => ({ type, data: one.data })),
        );
        given.set(one.name, [...(given.get(one.name) ?? []), ...added.map(({ id }) => id)]);
        return added;
      }
      case 'read':
        return await log.read(one.name, cursorOf(one.name, one.after), one.limit);
      case 'last':
        return await log.last(one.name);
      case 'get':
        return await records.get(one.name);
      case 'delete':
        return await records.delete(one.name);
      case 'put': {
        const put = await records.put(one.name, one.value, { expects: expectedOf(one.name, one.expects) });
        if (put.kind === 'written') versions.set(one.name, [...(versions.get(one.name) ?? []), put.version]);
        return put;
      }
      case 'list': {
        const { prefix, after, limit } = one;
        return await records.list(prefix, after === undefined ? { limit } : { after, limit });
      }
    }
  };
  const answers: unknown[] = [];
  for (const one of steps) answers.push([one.kind, await take(one)]);
  return answers;
}

it('[RA5] topics and records answer every history alike in memory and in Redis, stamps and versions too', {
  timeout: 60_000,
}, async () => {
  const seen = new Map<string, number>();
  let histories = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      histories += 1;
      const [ours, theirs] = [new SimulatedClock(), new SimulatedClock()];
      const inMemory = await play(memoryStores({ clock: ours, shards: 1 }), steps, ours);
      const time = givenTime(() => theirs.wallMs() * 1_000);
      const options = { link: redis.link(), namespace: `model-${histories}`, shards: 1, time };
      expect(await play(redisStores(options), steps, theirs)).toEqual(inMemory);
      for (const [kind] of JSON.stringify(inMemory).matchAll(/"kind":"[a-z]+"/g))
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }),
    { numRuns: 150 },
  );
  for (const kind of ['events', 'gone', 'written', 'conflict'])
    expect(seen.get(`"kind":"${kind}"`) ?? 0, kind).toBeGreaterThan(20);
});
