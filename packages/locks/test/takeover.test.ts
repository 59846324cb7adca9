import { beforeEach, describe, expect, it } from 'vitest';
import {
  type Breaking,
  CoordinationError,
  type Lease,
  type LeaseStore,
  type LossReason,
  type TakeoverOptions,
} from '../src/index.ts';
import { Locks } from '../src/locks.ts';
import { MemoryLeaseStore } from '../src/memory.ts';
import { SimulatedClock, seededEntropy } from '../src/testing.ts';
import { PassingStore } from './passing-store.ts';

const press = 'project:press';
const ada = { id: 'ada', name: 'Ada' };
const bob = { id: 'bob', name: 'Bob' };
const cyd = { id: 'cyd' };

let clock: SimulatedClock;
let store: MemoryLeaseStore;
/** Two processes on one store. */
let here: Locks;
let there: Locks;

beforeEach(() => {
  clock = new SimulatedClock();
  store = new MemoryLeaseStore({ clock });
  here = open(1);
  there = open(2);
});

function open(seed: number, on: LeaseStore = store): Locks {
  return new Locks(on, { clock, entropy: seededEntropy(seed) });
}

function ask(options: Partial<TakeoverOptions> = {}) {
  return there.requestTakeover(press, { by: bob, reason: 'my turn', graceMs: 20_000, ...options });
}

function ref({ resource, leaseId }: Lease) {
  return { resource, leaseId };
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  await clock.settle();
  return promise;
}

describe('a lease that somebody asks for', () => {
  it('[HL8] tells its holder at once who asks, why, and until when', async () => {
    const lease = await here.acquire(press, { holder: ada });
    const told: (Breaking | undefined)[] = [];
    lease.onTakeover((takeover) => told.push(takeover));
    const asking = ask();
    await clock.settle();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ by: bob, reason: 'my turn', state: 'asked', answerByMs: clock.wallMs() + 20_000 });
    expect(lease.breaking).toEqual(told[0]);
    expect(await there.inspect(press)).toMatchObject({ holder: ada, breaking: told[0] });
    const late: unknown[] = [];
    lease.onTakeover((takeover) => late.push(takeover));
    await clock.settle();
    expect(late).toEqual([told[0]]);
    await lease.answerTakeover({ answer: 'deny' });
    expect((await settled(asking)).kind).toBe('denied');
    expect(told).toEqual([told[0], undefined]);
  });

  it('[HL8] granted, is not valid from that call on, and the other holds it with a greater fence', async () => {
    const lease = await here.acquire(press, { holder: ada });
    const { signal } = lease;
    const asking = ask();
    await clock.settle();
    const answered = lease.answerTakeover({ answer: 'grant', pointer: { revision: 12 } });
    expect(lease.valid).toBe(false);
    expect(await answered).toEqual({ kind: 'handed-over' });
    expect(signal.reason).toMatchObject({ code: 'LEASE_LOST', reason: 'handed-over' });
    const taken = await granted(asking);
    expect(taken.valid).toBe(true);
    expect(taken.fence > lease.fence).toBe(true);
    expect(taken.handedOver).toEqual({ from: ada, how: 'granted', reason: 'my turn', pointer: { revision: 12 } });
    expect(await lease.release()).toEqual({ kind: 'superseded' });
    await clock.advance(120_000);
    expect(taken.valid).toBe(true);
  });

  it('[HL8] drains: renews no further, still writes under its fence, and ends by its local deadline', async () => {
    const lease = await here.acquire(press, { holder: ada, ttlMs: 9_000 });
    const { signal } = lease;
    const asking = ask();
    await clock.settle();
    expect(await lease.answerTakeover({ answer: 'grant', drainMs: 2_000 })).toMatchObject({ kind: 'draining' });
    expect(lease.breaking).toMatchObject({ state: 'draining' });
    await clock.advance(1_900);
    expect(lease.valid).toBe(true);
    expect(await lease.renew()).toMatchObject({ kind: 'renewed', view: { holder: ada } });
    expect(lease.remainingMs()).toBeLessThanOrEqual(100);
    await clock.advance(99);
    expect(lease.valid).toBe(false);
    expect(signal.reason).toMatchObject({ reason: 'handed-over' });
    await clock.advance(600);
    const taken = await granted(asking);
    expect(taken.handedOver).toMatchObject({ from: ada, how: 'granted' });
    expect(clock.nowMs()).toBeLessThan(3_000);
  });

  it('[HL8] need not drain after all when nobody asks any longer', async () => {
    const lease = await here.acquire(press, { holder: ada, ttlMs: 9_000 });
    const caller = new AbortController();
    const asking = ask({ signal: caller.signal }).catch((reason: unknown) => reason);
    await clock.settle();
    await lease.answerTakeover({ answer: 'grant', drainMs: 2_000 });
    caller.abort('changed my mind');
    expect(await settled(asking)).toBe('changed my mind');
    expect(lease.breaking).toBeUndefined();
    await clock.advance(30_000);
    expect(lease.valid).toBe(true);
  });

  it('[HL8] goes on when the takeover that it grants was withdrawn', async () => {
    const lease = await here.acquire(press, { holder: ada });
    const asking = ask();
    await clock.settle();
    const takeoverId = lease.breaking?.takeoverId ?? '';
    const withdrawn = there.withdrawTakeover({ resource: press, takeoverId });
    const answered = lease.answerTakeover({ answer: 'grant' });
    expect(lease.valid).toBe(false);
    expect(await withdrawn).toEqual({ kind: 'withdrawn' });
    expect(await answered).toMatchObject({ kind: 'not-asked' });
    expect(lease.valid).toBe(true);
    expect(await settled(asking)).toEqual({ kind: 'withdrawn' });
  });

  it('[HL8] is over here when nobody can say whether it was handed over', async () => {
    const lossy = new LossyStore(store);
    const manager = open(5, lossy);
    const lease = await manager.acquire(press, { holder: ada });
    const asking = ask();
    await clock.settle();
    lossy.losesReplies = true;
    const answered = lease.answerTakeover({ answer: 'grant' });
    expect(await settled(answered)).toMatchObject({ kind: 'unavailable', cause: { applied: 'unknown' } });
    expect(lease.valid).toBe(false);
    expect((await granted(asking)).valid).toBe(true);
  });

  it('[HL8] handed off, is the named party’s: by their own claim, or by its id in another process', async () => {
    const lease = await here.acquire(press, { holder: ada });
    const waiting = there.acquire(press, { holder: cyd, waitMs: 60_000 });
    await clock.settle();
    const handed = await lease.handOff({ to: bob, pointer: 'draft 3' });
    if (handed.kind !== 'handed-off') throw new Error(handed.kind);
    expect(lease.lossReason).toBe('handed-over');
    const resumed = await there.resume({ resource: press, leaseId: handed.leaseId });
    if (resumed.kind !== 'resumed') throw new Error(resumed.kind);
    expect(resumed.lease).toMatchObject({
      holder: bob,
      handedOver: { from: ada, how: 'handed-off', pointer: 'draft 3' },
    });
    const again = await resumed.lease.handOff({ to: ada });
    expect(again.kind).toBe('handed-off');
    const back = await here.acquire(press, { holder: ada });
    expect(back.handedOver).toMatchObject({ from: bob });
    await back.release();
    expect((await settled(waiting)).holder).toEqual(cyd);
  });
});

describe('a lease that somebody else ends', () => {
  const ends: readonly (readonly [string, LossReason, (lease: Lease) => Promise<unknown>])[] = [
    ['force', 'revoked', () => there.force(press, { by: bob, reason: 'an audit' })],
    ['a release by its id', 'released-elsewhere', (lease) => there.release(ref(lease))],
    ['a revocation by its id', 'revoked', (lease) => there.release({ ...ref(lease), how: 'revoked' })],
    ['a cancellation of its request', 'released-elsewhere', () => there.cancel({ resource: press, requestId: 'mine' })],
    ['a hand-off by its id', 'handed-over', (lease) => there.handOff({ ...ref(lease), to: cyd })],
  ];
  it.each(ends)('[HL11] by %s, is over with the notice, without a round trip', async (_how, reason, end) => {
    const lossy = new LossyStore(store);
    const lease = await open(3, lossy).acquire(press, { holder: ada, requestId: 'mine' });
    const { signal } = lease;
    lossy.losesReplies = true;
    await settled(end(lease));
    expect([lease.valid, lease.state, signal.aborted]).toEqual([false, 'lost', true]);
    expect(lease.lossReason).toBe(reason);
    expect(lossy.asked).toBe(0);
  });

  it('[HL11] its own release, on the way meanwhile, says what became of it', async () => {
    const lease = await here.acquire(press, { holder: ada });
    await there.open();
    const forced = there.force(press, { by: bob, reason: 'an audit' });
    const released = lease.release();
    expect((await settled(forced)).kind).toBe('granted');
    expect(await released).toEqual({ kind: 'already' });
    expect([lease.state, lease.lossReason]).toEqual(['released', undefined]);
  });
});

describe('a holder that does not answer', () => {
  it('[HL8] is not sure from the time to answer on, by its own clock, and asks', async () => {
    const deaf = new LossyStore(store, 'deaf');
    const manager = open(4, deaf);
    const lease = await manager.acquire(press, { holder: ada });
    const asking = ask({ graceMs: 20_000 });
    await clock.settle();
    await lease.renew();
    expect(lease.breaking?.state).toBe('asked');
    expect(lease.remainingMs()).toBeLessThanOrEqual(20_000);
    await clock.advance(19_700);
    expect(lease.valid).toBe(true);
    clock.stall(299);
    // The first statement after a stall, before any timer.
    expect([lease.valid, lease.remainingMs(), lease.state]).toEqual([false, 0, 'suspended']);
    expect(lease.signal.aborted).toBe(false);
    await clock.advance(60);
    expect([lease.valid, lease.lossReason]).toEqual([false, 'revoked']);
    expect((await granted(asking)).handedOver).toMatchObject({ how: 'unanswered' });
  });

  it('[HL8] goes on when nobody asks any longer, though it was never told', async () => {
    const deaf = new LossyStore(store, 'deaf');
    const lease = await open(4, deaf).acquire(press, { holder: ada });
    const caller = new AbortController();
    void ask({ graceMs: 4_000, signal: caller.signal }).catch(() => undefined);
    await clock.settle();
    await lease.renew();
    caller.abort();
    await clock.advance(3_900);
    expect(lease.breaking?.state).toBe('asked');
    await clock.advance(200);
    expect([lease.valid, lease.state, lease.breaking]).toEqual([true, 'held', undefined]);
  });

  it('[HL8] has it no longer when the store does not say that it has', async () => {
    const lossy = new LossyStore(store, 'deaf');
    const lease = await open(4, lossy).acquire(press, { holder: ada });
    const { signal } = lease;
    void ask({ graceMs: 4_000 });
    await clock.settle();
    await lease.renew();
    lossy.losesReplies = true;
    await clock.advance(4_000);
    expect([lease.valid, lease.lossReason, signal.aborted]).toEqual([false, 'unreachable', true]);
  });

  it('[HL8] is sure to the end where silence denies', async () => {
    const lease = await here.acquire(press, { holder: ada });
    void ask({ graceMs: 2_000, onSilence: 'deny' });
    await clock.settle();
    clock.stall(1_999);
    expect(lease.valid).toBe(true);
  });
});

describe('asking for a lease', () => {
  it('[LM13] gets a free one at once, and what it has already', async () => {
    const lease = await granted(ask());
    expect(lease).toMatchObject({ holder: bob, handedOver: undefined });
    expect(await granted(ask())).toBe(lease);
  });

  it('[LM13] is answered by the holder, wherever that is', async () => {
    const lease = await here.acquire(press, { holder: ada, renew: 'manual' });
    let takeoverId = '';
    const onAsked = (takeover: Breaking): void => {
      takeoverId = takeover.takeoverId;
    };
    const asking = ask({ onAsked });
    await clock.settle();
    const elsewhere = open(8);
    const ref = { resource: press, leaseId: lease.leaseId, takeoverId };
    expect(
      await elsewhere.answerTakeover({ ...ref, answer: 'deny', reason: 'saving', retryAfterMs: 9_000 }),
    ).toMatchObject({
      kind: 'denied',
    });
    expect(await settled(asking)).toEqual({ kind: 'denied', by: ada, reason: 'saving', retryAfterMs: 9_000 });
    expect(await settled(ask())).toMatchObject({ kind: 'denied', retryAfterMs: 9_000 });
    await clock.advance(9_000);
    const again = ask({ onAsked });
    await clock.settle();
    expect(await elsewhere.answerTakeover({ ...ref, takeoverId, answer: 'grant' })).toEqual({ kind: 'handed-over' });
    expect((await granted(again)).holder).toEqual(bob);
    expect(lease.valid).toBe(false);
  });

  it('[LM13] takes silence as it was asked to', async () => {
    const lease = await here.acquire(press, { holder: ada });
    const { signal } = lease;
    const denied = ask({ graceMs: 1_000, onSilence: 'deny' });
    await clock.advance(2_000);
    expect(await denied).toMatchObject({ kind: 'denied', by: ada });
    expect(lease.valid).toBe(true);
    await clock.advance(5_000);
    const asking = ask({ graceMs: 1_000 });
    await clock.advance(2_000);
    expect((await granted(asking)).handedOver).toMatchObject({ from: ada, how: 'unanswered' });
    expect(signal.reason).toMatchObject({ reason: 'revoked' });
  });

  it('[LM13] tells a second asker who asked before', async () => {
    await here.acquire(press, { holder: ada });
    void ask();
    await clock.settle();
    expect(await settled(ask({ by: cyd }))).toMatchObject({ kind: 'busy', by: bob, retryAfterMs: 20_000 });
  });

  it('[LM13] comes before the queue, whose order stands', async () => {
    const lease = await here.acquire(press, { holder: ada });
    const order: string[] = [];
    const waits = [cyd, { id: 'dan' }].map(async (holder) => {
      const mine = await here.acquire(press, { holder, waitMs: 60_000 });
      order.push(mine.holder.id);
      await mine.release();
    });
    await clock.settle();
    const asking = ask();
    await clock.settle();
    await lease.release();
    const taken = await granted(asking);
    expect(taken.handedOver).toMatchObject({ how: 'left' });
    await clock.advance(10_000);
    expect(order).toEqual([]);
    await taken.release();
    await clock.advance(5_000);
    await Promise.all(waits);
    expect(order).toEqual(['cyd', 'dan']);
  });

  it('[LM13] gets it when the holder’s process dies', async () => {
    const lease = await here.acquire(press, { holder: ada, ttlMs: 3_000 });
    const asking = ask({ onSilence: 'deny' });
    await clock.settle();
    await here.close({ leases: 'keep' });
    await clock.advance(4_000);
    expect((await granted(asking)).fence > lease.fence).toBe(true);
  });

  it('[LM13] loses nothing but time with lost notices and lost replies', async () => {
    const lossy = new LossyStore(store, 'deaf');
    const lease = await open(6, lossy).acquire(press, { holder: ada });
    there = open(7, lossy);
    const asking = ask({ requestId: 'mine' });
    await clock.settle();
    lossy.losesReplies = true;
    await clock.advance(3_000);
    lossy.losesReplies = false;
    await clock.advance(3_000);
    expect(lease.breaking).toBeUndefined();
    expect(await lease.answerTakeover({ answer: 'grant' })).toEqual({ kind: 'handed-over' });
    await clock.advance(2_000);
    expect((await granted(asking)).requestId).toBe('mine');
    const { events } = await here.log.read(here.log.bucketOf(press), 'start', 100);
    expect(events.filter(({ type }) => type === 'takeover-requested')).toHaveLength(1);
  });

  it('[LM13] withdrawn, by its caller, by its name or by close, leaves no lease behind', async () => {
    const lease = await here.acquire(press, { holder: ada });
    const named = ask();
    await clock.settle();
    const takeoverId = lease.breaking?.takeoverId ?? '';
    expect(await here.withdrawTakeover({ resource: press, takeoverId })).toEqual({ kind: 'withdrawn' });
    expect(await settled(named)).toEqual({ kind: 'withdrawn' });
    const closing = ask();
    await clock.settle();
    await there.close();
    expect(await closing).toMatchObject({ kind: 'unavailable', cause: { code: 'LOCKS_CLOSED' } });
    await lease.release();
    expect(await here.inspect(press)).toMatchObject({ kind: 'free' });
  });

  it('[LM13] force takes it at once and tells whoever held it', async () => {
    const lease = await here.acquire(press, { holder: ada });
    const { signal } = lease;
    const forced = await there.force(press, { by: bob, reason: 'an audit' });
    if (forced.kind !== 'granted') throw new Error(forced.kind);
    expect(forced.lease).toMatchObject({ holder: bob, handedOver: { from: ada, how: 'forced', reason: 'an audit' } });
    await clock.settle();
    expect(signal.reason).toMatchObject({ reason: 'revoked' });
  });

  it('[LM13] force is done once though its reply is lost; nothing is left when nobody answers', async () => {
    const lossy = new LossyStore(store);
    const forcing = open(9, lossy);
    await here.acquire(press, { holder: ada });
    lossy.loses = 1;
    const forced = await forcing.force(press, { by: bob, reason: 'an audit' });
    expect(forced).toMatchObject({ kind: 'granted', lease: { holder: bob, valid: true } });
    const { events } = await here.log.read(here.log.bucketOf(press), 'start', 100);
    expect(events.filter(({ type }) => type === 'taken-over')).toHaveLength(1);
    lossy.loses = 3;
    expect(await forcing.force(press, { by: cyd, reason: 'another' })).toMatchObject({ kind: 'unavailable' });
    await clock.settle();
    expect(await here.inspect(press)).toMatchObject({ kind: 'free' });
  });

  it('[LM2] [LM13] shows no secret of either lease, nor what one left to the other', async () => {
    const lease = await here.acquire(press, { holder: ada });
    const asking = ask({ requestId: 'secret-request' });
    await clock.settle();
    const { events } = await here.log.read(here.log.bucketOf(press), 'start', 100);
    const shown = JSON.stringify([await here.inspect(press), lease.breaking, events.at(-1)?.takeoverId]);
    expect(shown).not.toContain('secret-request');
    expect(shown).toContain('my turn');
    await lease.answerTakeover({ answer: 'grant', pointer: 'draft 9' });
    const taken = await granted(asking);
    expect(JSON.stringify([await here.inspect(press), await here.list({ prefix: '' })])).not.toContain('draft 9');
    expect(taken.handedOver?.pointer).toBe('draft 9');
  });

  it.each([
    [{ graceMs: 0 }, 'use force'],
    [{ graceMs: 1.5 }, 'whole number'],
    [{ reason: '' }, 'reason is empty'],
    [{ reason: 'x'.repeat(2_000) }, 'shorten it'],
    [{ reason: '👩‍💻'.slice(0, 1) }, 'cut text between characters'],
    [{ by: { id: '' } }, 'by.id is empty'],
    [{ ttlMs: 10 }, 'too short'],
  ])('[LM5] refuses to ask with %j, and names the fix', async (options, words) => {
    const fault = await ask(options).catch((caught: unknown) => caught);
    expect(fault).toMatchObject({ code: 'LOCK_CONFIG', applied: 'no' });
    expect((fault as Error).message).toContain(words);
  });

  it('[LM5] refuses answers and hand-offs that cannot be carried, and names the fix', async () => {
    const lease = await here.acquire(press, { holder: ada });
    const big = 'x'.repeat(2_000);
    await expect(lease.answerTakeover({ answer: 'grant', pointer: big })).rejects.toThrow('Save the state');
    await expect(lease.answerTakeover({ answer: 'grant', drainMs: -1 })).rejects.toThrow('drainMs');
    await expect(lease.handOff({ to: bob, offerMs: 0 })).rejects.toThrow('leave it out');
    await expect(there.force(press, { by: bob, reason: '' })).rejects.toThrow('reason is empty');
    expect(lease.valid).toBe(true);
  });
});

async function granted(asking: ReturnType<Locks['requestTakeover']>): Promise<Lease> {
  const outcome = await settled(asking);
  if (outcome.kind !== 'granted') throw new Error(`not granted: ${JSON.stringify(outcome)}`);
  return outcome.lease;
}

/** A store whose replies can be lost after they took effect, and whose notices may be. */
class LossyStore extends PassingStore {
  losesReplies = false;
  /** How many of the next replies are lost. */
  loses = 0;
  /** Requests since replies began to be lost. */
  asked = 0;

  constructor(inner: LeaseStore, ears: 'hears' | 'deaf' = 'hears') {
    super(inner);
    this.submit = async (command) => {
      const reply = await inner.submit(command);
      this.loses -= 1;
      if (this.losesReplies) this.asked += 1;
      if (this.losesReplies || this.loses >= 0)
        throw new CoordinationError('REPLY_LOST', 'lost', { applied: 'unknown' });
      return reply;
    };
    if (ears === 'deaf') this.listen = async () => () => undefined;
  }
}
