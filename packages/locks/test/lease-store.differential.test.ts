import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startRedis } from '../../../test/backends.ts';
import type { LeaseCommand, Notice } from '../src/lease-command.ts';
import { leaseScript } from '../src/lease-store.redis-script.ts';
import type { LeaseStore } from '../src/lease-store.ts';
import { MemoryLeaseStore } from '../src/memory.ts';
import { permitScript } from '../src/permit-store.redis-script.ts';
import { givenTime, RedisLeaseStore, RedisLink, SERVER_TIME } from '../src/redis.ts';
import { SimulatedClock } from '../src/testing.ts';

// The same commands at the same moments, decided by the transitions in TypeScript and by the
// script in a real server: every reply, fence, event id and cursor is equal.

type Step =
  | { readonly kind: 'command'; readonly commands: readonly LeaseCommand[] }
  | { readonly kind: 'elapse'; readonly ms: number }
  | { readonly kind: 'sweep' };

/** One per bucket: a batch is done record by record, so the events of several may come in another order. */
const resources = ['project:1', 'node/a b', 'ж"\\'];
/** The last three are of the form that claims get here, whose leases bear the same id. */
const requestIds = ['r1', 'r2', 'r3', 'r5"', 'r4'.repeat(11), 'r6'.repeat(11), 'r7'.repeat(11)];
const leaseIdOf = (id: string): string => (id.length === 22 ? id : `lease-${Buffer.from(id).toString('hex')}`);
const parties = [
  { holder: { id: 'ada', name: 'Ada "L"' }, instance: 'tab' },
  { holder: { id: 'ada' }, instance: 'tab/2' },
  { holder: { id: 'bob' }, instance: 'tab' },
  { holder: { id: 'цид', name: '' }, instance: 'é' },
];

const resource = fc.constantFrom(...resources);
const requestId = fc.constantFrom(...requestIds);
const leaseId = fc.oneof(
  { weight: 6, arbitrary: requestId.map(leaseIdOf) },
  fc.constantFrom('next-1', 'next-2', 'next-3'),
);
/** Of those commands that only a holder can give. */
const heldId = fc.oneof({ weight: 3, arbitrary: fc.constant('current') }, leaseId);
const gen = fc.constantFrom(undefined, 1, 2, 3, 4);
/** The latest that was asked for of the resource, or one that never was. */
const takeoverId = fc.constantFrom('latest', 'latest', 'latest', '0000000000000007');
const pointer = fc.constantFrom(undefined, null, { list: [], n: 1e21, é: '"\u0001' }, 'there');
const ttlMs = fc.constantFrom(50, 1_000, 30_000, 400_000);
const command: fc.Arbitrary<LeaseCommand> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({
        resource,
        requestId,
        party: fc.constantFrom(...parties),
        ttlMs,
        waitMs: fc.constantFrom(0, 0, 100, 5_000),
        meta: fc.constantFrom(undefined, { a: [1, 'é"'] }),
      })
      .map(({ requestId: id, party, ...facts }) => ({
        kind: 'request' as const,
        leaseId: leaseIdOf(id),
        requestId: id,
        ...party,
        ...facts,
        listener: 'here',
      })),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      resource,
      leaseId,
      how: fc.constantFrom('released' as const, 'revoked' as const),
      reason: fc.constantFrom(undefined, 'be"cause'),
      isByOther: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('renew' as const),
      resource,
      leaseId: heldId,
      ttlMs: fc.constantFrom(undefined, 2_000),
      gen,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('attach' as const),
      resource,
      leaseId,
      instance: fc.constantFrom('tab', 'tab/2'),
      node: fc.constant('n'),
      conn: fc.constantFrom('c1', 'c2'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('away' as const),
      resource,
      leaseId,
      gen,
      graceMs: fc.constantFrom(0, 100, 10_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), resource, requestId }) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        resource,
        requestId,
        party: fc.constantFrom(...parties),
        ttlMs,
        waitMs: fc.constantFrom(100, 5_000, 40_000),
        meta: fc.constantFrom(undefined, { a: [], é: '"' }),
        reason: fc.constantFrom(undefined, 'be"cause', 'ж/\\', '\0\u0001,"drain":0'),
        graceMs: fc.constantFrom(50, 3_000, 20_000),
        onSilence: fc.constantFrom('grant' as const, 'deny' as const),
        force: fc.constantFrom(false, false, false, true),
      })
      .map(({ requestId: id, party, ...facts }) => ({
        kind: 'takeover' as const,
        leaseId: leaseIdOf(id),
        requestId: id,
        ...party,
        ...facts,
        listener: 'here',
      })),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      resource,
      leaseId: heldId,
      takeoverId,
      answer: fc.constantFrom('grant' as const, 'grant' as const, 'deny' as const),
      drainMs: fc.constantFrom(0, 50, 10_000),
      pointer,
      reason: fc.constantFrom(undefined, 'n"o', '\u0001[[['),
      retryAfterMs: fc.constantFrom(0, 5_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        resource,
        leaseId: heldId,
        party: fc.constantFrom(...parties),
        pointer,
        offerMs: fc.constantFrom(50, 9_000),
      })
      .map(({ party: { holder, instance }, ...facts }) => ({
        kind: 'hand-off' as const,
        to: holder,
        instance,
        ...facts,
        // Nobody gives two leases one name: a run numbers them.
        nextLeaseId: 'next',
        nextRequestId: 'next',
      })),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), resource, takeoverId }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('inspect' as const), resource }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .array(command, { minLength: 1, maxLength: 4 })
      .map((commands) => ({ kind: 'command' as const, commands })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(1, 49, 50, 99, 2_000, 8_000, 30_000, 700_000)
      .map((ms) => ({ kind: 'elapse' as const, ms })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'sweep' as const }) },
);

/** What chance seldom makes: the holder of a lease that drains wants to hand it on. */
const drained: readonly Step[] = [
  { kind: 'request', waitMs: 0, meta: undefined },
  {
    kind: 'takeover',
    waitMs: 5_000,
    meta: undefined,
    reason: undefined,
    graceMs: 3_000,
    onSilence: 'deny',
    force: false,
  },
  { kind: 'answer', takeoverId: 'latest', answer: 'grant', drainMs: 10_000, pointer: null, reason: undefined },
  { kind: 'hand-off', pointer: undefined, offerMs: 50 },
].map((facts, at) => {
  const party = parties[at === 1 ? 2 : 0];
  const id = at === 1 ? 'r2' : 'r1';
  const named = { resource: 'project:1', requestId: id, leaseId: at < 2 ? leaseIdOf(id) : 'current', ttlMs: 30_000 };
  const next = { to: parties[3]?.holder, nextLeaseId: 'next', nextRequestId: 'next', retryAfterMs: 0 };
  return { kind: 'command', commands: [{ ...named, ...party, listener: 'here', ...next, ...facts } as LeaseCommand] };
});

/** What chance found once: a claim and a takeover of one batch, whose answer is due long before the term is over. */
const askedAtOnce: readonly Step[] = [
  {
    kind: 'command',
    commands: [
      { kind: 'request', waitMs: 0, meta: undefined },
      {
        kind: 'takeover',
        waitMs: 100,
        meta: undefined,
        reason: undefined,
        graceMs: 50,
        onSilence: 'grant',
        force: false,
      },
    ].map((facts, at) => {
      const id = at === 0 ? 'r6'.repeat(11) : 'r1';
      const named = { resource: 'project:1', requestId: id, leaseId: leaseIdOf(id), ttlMs: 400_000 };
      return { ...named, ...parties[2 * at], listener: 'here', ...facts } as LeaseCommand;
    }),
  },
  { kind: 'elapse', ms: 30_000 },
  { kind: 'sweep' },
];

/** The first sending of a request says that it is. */
function asFirst(command: LeaseCommand, sent: Set<string>): LeaseCommand {
  if (!('requestId' in command)) return command;
  const id = `${command.resource} ${command.requestId}`;
  const isFirst = !sent.has(id);
  sent.add(id);
  return command.kind === 'request' ? { ...command, isFirst } : command;
}

/** What only a run can tell: which takeover is the latest, and how many leases were handed off. */
interface Told {
  readonly asked: Map<string, string>;
  handedOff: number;
}

/** With the names that only a run can tell. */
async function named(command: LeaseCommand, stores: readonly LeaseStore[], told: Told): Promise<LeaseCommand> {
  const { resource } = command;
  let latest = command;
  if (command.kind === 'hand-off') {
    told.handedOff += 1;
    latest = { ...command, nextLeaseId: `next-${told.handedOff}`, nextRequestId: `next-${told.handedOff}` };
  } else if ('takeoverId' in command && command.takeoverId === 'latest')
    latest = { ...command, takeoverId: told.asked.get(resource) ?? '' };
  if (!('leaseId' in latest) || latest.leaseId !== 'current') return latest;
  const [view, ...others] = await Promise.all(
    stores.map((store) => store.submit<'inspect'>({ kind: 'inspect', resource })),
  );
  for (const other of others) expect(other).toEqual(view);
  return { ...latest, leaseId: (view?.view.kind === 'held' ? view.view.leaseId : undefined) ?? 'none' };
}

function asText(notice: Notice): string {
  return JSON.stringify(Object.entries(notice).sort());
}

describe('memory and Redis', () => {
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

  it('[RC3] the script decodes nothing that a caller sent, so nothing in it can stop a batch between its writes', () => {
    const decoded = [...leaseScript(SERVER_TIME.prelude).matchAll(/cjson\.decode\((\w+)/g)].map(([, what]) => what);
    expect(new Set(decoded)).toEqual(new Set(['breakingText']));
    expect(permitScript(SERVER_TIME.prelude, true)).not.toContain('cjson.decode');
  });

  it('[LS13] decide alike: every reply and every event of any run is equal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        runs += 1;
        const clock = new SimulatedClock();
        const memory = new MemoryLeaseStore({ clock });
        const time = givenTime(() => clock.wallMs() * 1_000);
        const script = new RedisLeaseStore({ link, namespace: `differential${runs}`, buckets: memory.buckets, time });
        const sent = new Set<string>();
        const told: Told = { asked: new Map(), handedOff: 0 };
        const notices: [Notice[], Notice[]] = [[], []];
        await memory.listen('here', (notice) => void notices[0].push(notice));
        const stop = await script.listen('here', (notice) => void notices[1].push(notice));
        for (const [index, one] of steps.entries()) {
          if (one.kind === 'elapse') await clock.advance(one.ms);
          else if (one.kind === 'sweep') await Promise.all([memory.sweep(), script.sweep()]);
          else {
            const commands = await Promise.all(one.commands.map((command) => named(command, [memory, script], told)));
            const [ours, theirs] = await Promise.all([
              Promise.all(commands.map((command) => memory.submit(command))),
              Promise.all(commands.map((command) => script.submit(asFirst(command, sent)))),
            ]);
            for (const reply of ours)
              if (reply.kind === 'asked') told.asked.set(reply.view.resource, reply.view.breaking?.takeoverId ?? '');
            expect(theirs, `step ${index} of ${JSON.stringify(one)}`).toEqual(ours);
            for (const reply of ours) seen.set(reply.kind, (seen.get(reply.kind) ?? 0) + 1);
          }
        }
        await clock.settle();
        await expect.poll(() => notices[1].length, { interval: 1 }).toBe(notices[0].length);
        // Those on different channels overtake each other.
        expect(notices[1].map(asText).sort()).toEqual(notices[0].map(asText).sort());
        for (const { kind = 'offer' } of notices[0]) seen.set(kind, (seen.get(kind) ?? 0) + 1);
        stop();
        for (const name of resources) {
          const bucket = memory.bucketOf(name);
          expect(await script.readLog(bucket, 'start', 1_000)).toEqual(await memory.readLog(bucket, 'start', 1_000));
        }
        expect(await script.list({ prefix: '', after: '', limit: 10 })).toEqual(
          await memory.list({ prefix: '', after: '', limit: 10 }),
        );
      }),
      { numRuns: 900, examples: [[[...drained]], [[...askedAtOnce]]] },
    );
    expect(new Set(resources.map((name) => new MemoryLeaseStore().bucketOf(name))).size).toBe(resources.length);
    for (const kind of [
      'granted',
      'held',
      'queued',
      'busy',
      'gone',
      'renewed',
      'ended',
      'attached',
      'away',
      'stale',
      'released',
      'already',
      'superseded',
      'expired',
      'left',
      'returned',
      'asked',
      'handed-over',
      'draining',
      'denied',
      'not-asked',
      'withdrawn',
      'handed-off',
      'promised',
      'view',
      'offer',
      'look',
    ]) {
      expect(seen.get(kind) ?? 0, `replies of kind ${kind}`).toBeGreaterThan(0);
    }
  }, 120_000);
});
