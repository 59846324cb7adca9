// The adapters decide alike: random histories of several nodes, among them stale, repeated
// and ill-fitting commits, get the same answers and leave the same records.
import { systemClock } from '@devmentor/locks';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ActorId } from '../src/actor-id.ts';
import type { LogStore, TopicEvent } from '../src/log-store.ts';
import { memoryStores } from '../src/memory-stores.ts';
import type { ActorRecord, Commit, Epoch, StateStore } from '../src/state-store.ts';
import { commitOf, fences, shardOf } from '../src/store-contract.fixtures.ts';
import { postgresOfThisFile } from './postgres-stores.fixture.ts';
import { redisOfThisFile } from './redis-stores.fixture.ts';
import { sqliteOfThisFile } from './sqlite-stores.fixture.ts';

const redis = redisOfThisFile();
const sqlite = sqliteOfThisFile();
const postgres = postgresOfThisFile();

const ids: readonly ActorId[] = ['a:1', 'a:2', 'b:{s1}:*'];
const senders = ['node-1', 'node-2', 'a:1', 'a:2', 'b:1'];
const limits = { unsettledPerSender: 2, messageBytes: 20, actorLanes: 1 };

type Step =
  | { readonly kind: 'seal'; readonly id: ActorId; readonly by: string; readonly expectsOther: boolean }
  | { readonly kind: 'yield' | 'confirm' | 'pending' | 'load'; readonly id: ActorId; readonly epochsAgo: number }
  | { readonly kind: 'admit'; readonly id: ActorId; readonly fence: number }
  | { readonly kind: 'commit'; readonly epochsAgo: number; readonly commits: readonly Change[] };

interface Change {
  readonly id: ActorId;
  readonly behind: number;
  readonly parts: Partial<Commit>;
}

const id = fc.constantFrom(...ids);
const epochsAgo = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) });
const json = fc.oneof(
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
  fc.string({ maxLength: 30 }),
  fc.double({ noNaN: false }),
  fc.integer(),
);
const settle = fc
  .record({
    sender: fc.constantFrom(...senders),
    n: fc.integer({ min: 0, max: 12 }),
    below: fc.integer({ min: 0, max: 12 }),
    reply: fc.option(json, { nil: undefined }),
  })
  .map(({ sender, n, below, reply }) => ({
    sender,
    n,
    floor: Math.max(0, n - below),
    ...(reply === undefined ? {} : { reply }),
  }));
const row = fc.record({ to: id, n: fc.integer({ min: 1, max: 4 }), event: json });
const parts = fc.record(
  {
    machineVersion: fc.integer({ min: 0, max: 3 }),
    snapshot: json,
    timers: fc.array(
      fc.record({
        id: fc.constantFrom('x', 'y'),
        generation: fc.nat(9),
        dueAtMs: fc.integer({ min: 1, max: 5_000 }),
        event: json,
      }),
      { maxLength: 2 },
    ),
    outbox: fc.record({ add: fc.array(row, { maxLength: 2 }), remove: fc.array(row, { maxLength: 2 }) }),
    settles: fc.uniqueArray(settle, { maxLength: 4, selector: ({ sender, n }) => `${n} ${sender}` }),
    closes: fc.array(fc.record({ sender: fc.constantFrom(...senders.slice(2)), n: fc.integer({ min: 0, max: 12 }) }), {
      minLength: 1,
      maxLength: 2,
    }),
    fence: fc.constantFrom(...fences),
    events: fc.array(fc.record({ type: fc.string({ maxLength: 4 }), data: json }), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const change = fc.record({
  id,
  behind: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1) }),
  parts,
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('seal' as const),
      id,
      by: fc.constantFrom('node-1', 'node-2'),
      expectsOther: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('yield' as const, 'confirm' as const, 'pending' as const, 'load' as const, 'load' as const),
      id,
      epochsAgo,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('admit' as const), id, fence: fc.nat(2) }) },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      epochsAgo,
      commits: fc.array(change, { minLength: 1, maxLength: 3 }),
    }),
  },
);

it('[ST1-ST11] memory, SQLite, Redis and PostgreSQL answer every history alike', { timeout: 120_000 }, async () => {
  const seen = new Map<string, number>();
  let histories = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (drawn) => {
      const steps = [...ids.map((id) => ({ kind: 'seal', id, by: 'node-1', expectsOther: false }) as const), ...drawn];
      const inMemory = await play(memoryStores({ clock: systemClock, shards: 2, limits }), steps);
      const inSqlite = await play(await sqlite.stores({ shards: 2, limits }), steps);
      expect(inSqlite).toEqual(inMemory);
      const inRedis = await play(await redis.stores({ shards: 2, limits }), steps);
      expect(inRedis).toEqual(inMemory);
      for (const [kind] of inMemory.join('\n').matchAll(/"kind":"[a-z]+"/g)) seen.set(kind, (seen.get(kind) ?? 0) + 1);
      histories += 1;
      // A schema of its own for each history takes its time.
      if (histories % 4 !== 0) return;
      const { database, ...stores } = await postgres.stores({ shards: 2, limits, connections: 1 });
      const inPostgres = await play(stores, steps);
      await database.close();
      expect(inPostgres).toEqual(inMemory);
    }),
    { numRuns: 300 },
  );
  const kinds = [
    'sealed',
    'lost',
    'fenced',
    'record',
    'absent',
    'pending',
    'admitted',
    'committed',
    'conflict',
    'stale',
    'duplicate',
    'closed',
    'overloaded',
    'refused',
  ];
  for (const kind of kinds) expect(seen.get(`"kind":"${kind}"`) ?? 0, kind).toBeGreaterThan(0);
});

/** The answers to a history, then what it left; stamps by the order they appear in, no times. */
async function play(
  { state, log }: { readonly state: StateStore; readonly log: LogStore },
  steps: readonly Step[],
): Promise<readonly string[]> {
  const epochs = new Map<number, Epoch[]>();
  const answers: unknown[] = [];
  const epochOf = (shard: number, ago: number) => epochs.get(shard)?.at(-1 - ago) ?? '0000000000000001';
  for (const [number, step] of steps.entries()) answers.push(await take(step, number));
  for (const each of ids) answers.push(await state.peek(each), await state.guard(each), await log.read(each, '', 100));
  return named(answers);

  async function take(step: Step, number: number): Promise<unknown> {
    if (step.kind === 'admit') return state.admit(step.id, fences[step.fence] ?? fences[0]);
    if (step.kind === 'commit') return commit(step, number);
    const shard = shardOf(state, step.id);
    if (step.kind === 'seal') {
      const [own] = await state.ownership([shard]);
      if (own === undefined) throw new Error('a shard has an ownership');
      const outcome = await state.seal(shard, step.by, step.expectsOther ? { ...own, incarnation: 'other' } : own);
      if (outcome.kind === 'sealed') epochs.set(shard, [...(epochs.get(shard) ?? []), outcome.epoch]);
      return outcome;
    }
    const epoch = epochOf(shard, step.epochsAgo);
    if (step.kind === 'load') return state.load(shard, epoch, step.id);
    const answer = await state[step.kind](shard, epoch);
    return typeof answer === 'object' && answer.kind === 'pending'
      ? { ...answer, timers: sorted(answer.timers), outboxes: sorted(answer.outboxes) }
      : answer;
  }

  async function commit({ epochsAgo, commits }: Step & { kind: 'commit' }, number: number): Promise<unknown> {
    const shard = shardOf(state, commits[0]?.id ?? ids[0] ?? 'a:1');
    const here = commits.filter(({ id }) => shardOf(state, id) === shard);
    const items = here.map(async ({ id, behind, parts }, i) =>
      commitOf({
        id,
        commitId: `c${number}.${i}`,
        basis: Math.max(0, ((await state.peek(id))?.version ?? 0) + behind),
        ...parts,
      }),
    );
    return state.commit(shard, epochOf(shard, epochsAgo), await Promise.all(items));
  }
}

function sorted<T>(values: readonly T[]): readonly T[] {
  return values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Answers as text, without times; a stamp is named by when it first appears in its topic, or among epochs and fences. */
function named(answers: readonly unknown[]): readonly string[] {
  const names = new Map<string, string>();
  const nameOf = (topic: string, stamp: unknown) => {
    const given = names.get(`${topic} ${stamp}`) ?? `#${names.size}`;
    names.set(`${topic} ${stamp}`, given);
    return given;
  };
  const rename = (key: string, value: unknown): unknown => {
    if (key === 'atMs' || key === 'nowMs') return 0;
    if (key === 'fault') return String(value);
    if (isEvent(value))
      return {
        ...value,
        id: nameOf(value.topic, value.id),
        prev: value.prev === '' ? '' : nameOf(value.topic, value.prev),
      };
    if (isRecord(value)) return { ...value, cursor: nameOf(value.id, value.cursor) };
    return typeof value === 'string' && /^\d{16}$/.test(value) ? nameOf('', value) : value;
  };
  return answers.map((answer) => JSON.stringify(answer, rename) ?? 'undefined');
}

function isEvent(value: unknown): value is TopicEvent {
  return (
    typeof value === 'object' && value !== null && 'topic' in value && /^\d{16}$/.test(String((value as TopicEvent).id))
  );
}

function isRecord(value: unknown): value is ActorRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'cursor' in value &&
    /^\d{16}$/.test(String((value as ActorRecord).cursor))
  );
}
