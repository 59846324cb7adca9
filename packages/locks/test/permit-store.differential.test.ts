import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import { MAX_ENDED } from '../src/lease-record.ts';
import type { PermitCommand, PermitCommandOf, PermitNotice, PermitReply } from '../src/permit-command.ts';
import { MemoryPermitStore } from '../src/permit-store.memory.ts';
import { RedisPermitStore } from '../src/permit-store.redis.ts';
import { RedisLink } from '../src/redis-link.ts';
import { givenTime } from '../src/redis-time.ts';
import { SimulatedClock } from '../src/testing.ts';

// The same commands at the same moments, decided by the transitions in TypeScript and by the
// script in a real server: every reply, fence and view is equal. And along the way, on every
// history: no pool is overdrawn, no fence falls back, nobody in line is passed.

type Step =
  | { readonly kind: 'commands'; readonly commands: readonly PermitCommand[] }
  | { readonly kind: 'elapse'; readonly ms: number }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'list'; readonly prefix: string; readonly after: string; readonly limit: number };

const pools = [
  { resource: 'gpu', capacity: 4 },
  { resource: 'doc/ж "1"', capacity: 1_024 },
];
const requestIds = ['r1', 'r2', 'r3', 'r4', 'r5"', 'r6', 'ж7'];
const leaseOf = (requestId: string): string => `lease-${Buffer.from(requestId).toString('hex')}`;

const pool = fc.constantFrom(...pools);
const resource = pool.map((one) => one.resource);
const requestId = fc.constantFrom(...requestIds);
const leaseId = requestId.map(leaseOf);
const command: fc.Arbitrary<PermitCommand> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc
      .record({
        pool,
        // One in many comes with another idea of the pool.
        more: fc.constantFrom(0, 0, 0, 0, 0, 0, 1),
        share: fc.constantFrom(1, 1, 2, 3, 'all' as const),
        requestId,
        holder: fc.constantFrom({ id: 'ada', name: 'Ada "L"' }, { id: 'цид' }),
        ttlMs: fc.constantFrom(50, 1_000, 30_000, 400_000),
        waitMs: fc.constantFrom(0, 0, 100, 5_000, 5_000),
        meta: fc.constantFrom(undefined, { a: [1, 'é"'] }),
      })
      .map(({ pool: { resource: name, capacity }, more, share, requestId: id, ...facts }) => ({
        kind: 'request' as const,
        resource: name,
        capacity: capacity + more,
        weight: share === 'all' ? capacity + more : share,
        leaseId: leaseOf(id),
        requestId: id,
        instance: 'tab',
        listener: 'here',
        ...facts,
      })),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      resource,
      leaseId,
      how: fc.constantFrom('released' as const, 'revoked' as const),
      reason: fc.constant(undefined),
      isByOther: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('renew' as const),
      resource,
      leaseId,
      ttlMs: fc.constantFrom(undefined, 2_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('reweigh' as const),
      resource,
      leaseId,
      weight: fc.constantFrom(1, 2, 4, 1_024),
      next: requestId.map((id) => ({ requestId: id, leaseId: leaseOf(id) })),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), resource, requestId }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('inspect' as const), resource }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const), resource }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .array(command, { minLength: 1, maxLength: 5 })
      .map((commands) => ({ kind: 'commands' as const, commands })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(1, 49, 50, 99, 2_000, 8_000, 30_000, 700_000)
      .map((ms) => ({ kind: 'elapse' as const, ms })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'sweep' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('list' as const),
      prefix: fc.constantFrom('', '', 'doc/', 'x'),
      after: fc.constantFrom('', '', 'f'),
      limit: fc.constantFrom(1, 10),
    }),
  },
);

describe('pools in memory and in Redis', () => {
  let redis: Backend;
  let link: RedisLink;
  let runs = 0;
  const seen = new Map<string, number>();

  beforeAll(async () => {
    redis = await startRedis();
    link = RedisLink.open({ redis: redis.url });
  });
  afterAll(async () => {
    await link.close();
    await redis.stop();
  });

  const both = () => {
    runs += 1;
    const clock = new SimulatedClock();
    const time = givenTime(() => clock.wallMs() * 1_000);
    const script = new RedisPermitStore({ link, namespace: `pools${runs}`, buckets: () => 16, time });
    return { clock, stores: [new MemoryPermitStore(clock), script] as const };
  };
  const named = (requestId: string) => ({ resource: 'gpu', requestId, leaseId: leaseOf(requestId) });
  const claim = (requestId: string): PermitCommandOf<'request'> => ({
    kind: 'request',
    ...named(requestId),
    capacity: 4,
    weight: 1,
    holder: { id: 'ada' },
    instance: 'tab',
    ttlMs: 1_000,
    meta: undefined,
    waitMs: 0,
    listener: 'here',
  });
  const release = (requestId: string): PermitCommandOf<'release'> => ({
    kind: 'release',
    ...named(requestId),
    how: 'released',
    reason: undefined,
  });

  it('[PS12] a request that comes again after its window is remembered by its later end', async () => {
    const { clock, stores } = both();
    for (const store of stores) {
      await store.submit<'request'>(claim('r'));
      await store.submit<'release'>(release('r'));
    }
    await clock.advance(700_000);
    for (const store of stores) {
      await store.submit<'cancel'>({ kind: 'cancel', ...named('r') });
      expect(await store.submit<'release'>(release('r'))).toEqual({ kind: 'unknown' });
      // The place of its first end is taken by another, 254 later.
      for (let n = 0; n < MAX_ENDED - 1; n += 1)
        await store.submit<'cancel'>({ kind: 'cancel', ...named(`other${n}`) });
      expect(await store.submit<'request'>(claim('r'))).toEqual({ kind: 'gone', how: 'cancelled' });
      await store.submit<'cancel'>({ kind: 'cancel', ...named('one more') });
      expect((await store.submit<'request'>(claim('r'))).kind).toBe('granted');
    }
  });

  it('[PS12] a pool that is forgotten and used anew in one call remembers nothing of before', async () => {
    const { clock, stores } = both();
    for (const store of stores) await store.submit<'cancel'>({ kind: 'cancel', ...named('before') });
    await clock.advance(700_000);
    for (const store of stores) {
      const settling = store.submit<'settle'>({ kind: 'settle', resource: 'gpu' });
      expect((await store.submit<'request'>(claim('anew'))).kind).toBe('granted');
      await settling;
      await store.submit<'release'>(release('anew'));
      expect((await store.submit<'request'>(claim('before'))).kind).toBe('granted');
    }
  });

  it('[PS12] decide alike: every reply of any run is equal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const {
          clock,
          stores: [memory, script],
        } = both();
        const fences = new Map<string, string>();
        const heard: [PermitNotice[], PermitNotice[]] = [[], []];
        await memory.listen('here', (notice) => void heard[0].push(notice));
        const stop = await script.listen('here', (notice) => void heard[1].push(notice));
        for (const [index, one] of steps.entries()) {
          if (one.kind === 'elapse') await clock.advance(one.ms);
          else if (one.kind === 'list') {
            const [ours, theirs] = await Promise.all([memory.list(one), script.list(one)]);
            expect(theirs, `step ${index} of ${JSON.stringify(one)}`).toEqual(ours);
            if (ours.views.length > 0) seen.set('listed', (seen.get('listed') ?? 0) + 1);
          } else if (one.kind === 'sweep') await Promise.all([memory.sweep(), script.sweep()]);
          else {
            const [ours, theirs] = await Promise.all([
              Promise.all(one.commands.map((each) => memory.submit(each))),
              Promise.all(one.commands.map((each) => script.submit(each))),
            ]);
            expect(theirs, `step ${index} of ${JSON.stringify(one)}`).toEqual(ours);
            for (const [at, reply] of ours.entries()) {
              seen.set(reply.kind, (seen.get(reply.kind) ?? 0) + 1);
              check(one.commands[at] as PermitCommand, reply, fences);
            }
          }
        }
        await clock.settle();
        const logs = await Promise.all(
          [memory, script].map(async (store) => {
            const read = Array.from({ length: store.logs }, (_, log) => store.readLog(log, 'start', 10_000));
            return (await Promise.all(read)).map(({ events }) => events);
          }),
        );
        for (const { resource: of } of pools) {
          const [ours, theirs] = logs.map((events) =>
            events.flat().flatMap(({ id: _id, prev: _prev, ...event }) => (event.resource === of ? [event] : [])),
          );
          expect(theirs).toEqual(ours);
        }
        for (const event of logs[1]?.flat() ?? []) seen.set(event.type, (seen.get(event.type) ?? 0) + 1);
        const name = (notice: PermitNotice): string => JSON.stringify(Object.entries(notice).sort());
        const byName = (one: PermitNotice, other: PermitNotice): number => (name(one) < name(other) ? -1 : 1);
        await expect.poll(() => heard[1].length, { interval: 1 }).toBe(heard[0].length);
        expect(heard[1].sort(byName)).toEqual(heard[0].sort(byName));
        for (const { kind } of heard[0]) {
          const what = kind === 'ended' ? 'told' : 'offer';
          seen.set(what, (seen.get(what) ?? 0) + 1);
        }
        stop();
      }),
      { numRuns: 200 },
    );
    for (const kind of [
      ...['granted', 'held', 'queued', 'busy', 'gone', 'capacity', 'renewed', 'ended', 'lowered', 'shared'],
      ...['released', 'already', 'superseded', 'expired', 'left', 'returned', 'pool', 'settled'],
      ...['offer', 'told', 'listed', 'claimed', 'offered', 'released', 'expired'],
    ])
      expect(seen.get(kind) ?? 0, `replies of kind ${kind}`).toBeGreaterThan(0);
  }, 120_000);
});

function check(sent: PermitCommand, reply: PermitReply, fences: Map<string, string>): void {
  if (reply.kind === 'granted') {
    expect(reply.fence > (fences.get(sent.resource) ?? '')).toBe(true);
    fences.set(sent.resource, reply.fence);
  }
  if (reply.kind === 'pool') {
    const { permits, free, held, queue, holders, waiters } = reply.view;
    expect(free).toBeGreaterThanOrEqual(0);
    expect(permits - holders.reduce((sum, one) => sum + one.weight, 0)).toBe(free);
    expect([holders.length, waiters.length]).toEqual([held, queue]);
    // The first in line waits only because it does not fit.
    const head = waiters[0];
    if (head !== undefined) expect(head.weight).toBeGreaterThan(free);
  }
}
