import { beforeEach, describe, expect, it } from 'vitest';
import type { FencingToken } from './lease.ts';
import type { EndedNotice, Offer } from './lease-command.ts';
import { MAX_ENDED, MAX_WAITERS, OFFER_MS } from './lease-record.ts';
import type { PermitCommandKind, PermitCommandOf, PermitReplies, PoolView } from './permit-command.ts';
import { MAX_HOLDERS } from './permit-record.ts';
import type { PermitStore } from './permit-store.ts';

/** What the suite needs of an adapter: a fresh, empty store, and a way to let its time pass. */
export interface PermitStoreHarness {
  open(): Promise<PermitStore>;
  /** Lets at least `ms` pass by the store's clock: memory cranks it, a real backend waits. */
  elapse(ms: number): Promise<void>;
}

const TERM_MS = 120;
const PAST_TERM_MS = 140;
const LONG_MS = 60_000;
const gpu = 'gpu:a b';
const SEATS = 4;

interface Claim {
  readonly resource?: string;
  readonly capacity?: number;
  readonly weight?: number;
  readonly ttlMs?: number;
  readonly waitMs?: number;
}

/** The rules of `PermitStore`, as tests: every adapter passes them all. */
export function permitStoreContract(harness: PermitStoreHarness): void {
  let store: PermitStore;
  const offers: Offer[] = [];
  const told: EndedNotice[] = [];

  beforeEach(async () => {
    offers.length = 0;
    told.length = 0;
    store = await harness.open();
    await store.listen('here', (notice) => void (notice.kind === 'ended' ? told.push(notice) : offers.push(notice)));
  });

  const submit = <K extends PermitCommandKind>(command: PermitCommandOf<K>): Promise<PermitReplies[K]> =>
    store.submit<K>(command);
  const request = (requestId: string, claim: Claim = {}): Promise<PermitReplies['request']> => {
    const { resource = gpu, capacity = SEATS, weight = 1, ttlMs = LONG_MS, waitMs = 0 } = claim;
    return submit<'request'>({
      kind: 'request',
      resource,
      capacity,
      weight,
      leaseId: leaseOf(requestId),
      requestId,
      holder: { id: requestId, name: `Dr "${requestId}"` },
      instance: 'tab',
      ttlMs,
      meta: { why: 'test' },
      waitMs,
      listener: 'here',
    });
  };
  const release = (requestId: string, how: 'released' | 'revoked' = 'released'): Promise<PermitReplies['release']> =>
    submit<'release'>({ kind: 'release', resource: gpu, leaseId: leaseOf(requestId), how, reason: undefined });
  const renew = (requestId: string, ttlMs?: number): Promise<PermitReplies['renew']> =>
    submit<'renew'>({ kind: 'renew', resource: gpu, leaseId: leaseOf(requestId), ttlMs });
  const cancel = (requestId: string): Promise<PermitReplies['cancel']> =>
    submit<'cancel'>({ kind: 'cancel', resource: gpu, requestId });
  const reweigh = (requestId: string, weight: number, next = `${requestId}+`): Promise<PermitReplies['reweigh']> =>
    submit<'reweigh'>({
      kind: 'reweigh',
      resource: gpu,
      leaseId: leaseOf(requestId),
      weight,
      next: { leaseId: leaseOf(next), requestId: next },
    });
  const inspect = async (resource = gpu): Promise<PoolView> =>
    (await submit<'inspect'>({ kind: 'inspect', resource })).view;
  const offered = async (...requestIds: string[]): Promise<readonly Offer[]> => {
    // Notifications travel beside replies: give them a moment of the store's time.
    const names = (): string[] => offers.map((offer) => offer.requestId);
    for (let turn = 0; turn < 200 && !requestIds.every((id) => names().includes(id)); turn += 1)
      await harness.elapse(1);
    expect(names()).toEqual(requestIds);
    return offers;
  };

  describe('granting', () => {
    it('[PS1] permits are granted until they are all held, and not one more', async () => {
      const replies = await Promise.all(Array.from({ length: 10 }, (_, n) => request(`r${n}`)));
      expect(replies.map((reply) => reply.kind)).toEqual([...Array(4).fill('granted'), ...Array(6).fill('busy')]);
      expect(await inspect()).toMatchObject({ permits: 4, free: 0, held: 4, queue: 0 });
    });

    it('[PS1] a claim for several takes them together or not at all', async () => {
      granted(await request('a', { weight: 3 }));
      expect(await request('b', { weight: 2 })).toMatchObject({
        kind: 'busy',
        position: 1,
        full: false,
        view: { holder: { id: 'a', name: 'Dr "a"' }, weight: 3, meta: { why: 'test' }, leaseId: leaseOf('a') },
      });
      granted(await request('c', { weight: 1 }));
      expect(await inspect()).toMatchObject({ free: 0, held: 2 });
    });

    it('[PS1] readers share and a writer has it alone', async () => {
      const whole = { capacity: MAX_HOLDERS, weight: MAX_HOLDERS };
      granted(await request('r1', { capacity: MAX_HOLDERS }));
      granted(await request('r2', { capacity: MAX_HOLDERS }));
      expect(await request('w', whole)).toMatchObject({ kind: 'busy' });
      await release('r1');
      await release('r2');
      granted(await request('w2', whole));
      expect(await request('r3', { capacity: MAX_HOLDERS })).toMatchObject({ kind: 'busy' });
    });

    it('[PS2] each holder lapses by itself, and frees what it held', async () => {
      granted(await request('a', { weight: 2, ttlMs: TERM_MS }));
      granted(await request('b', { weight: 2 }));
      await harness.elapse(PAST_TERM_MS);
      expect(await inspect()).toMatchObject({ free: 2, held: 1, holders: [{ holder: { id: 'b' } }] });
      expect(await renew('a')).toEqual({ kind: 'ended', how: 'expired' });
      expect(await renew('b', 5_000)).toMatchObject({
        kind: 'renewed',
        view: { weight: 2, ttlMs: 5_000, remainingMs: 5_000 },
      });
    });

    it('[PS3] every later grant carries a strictly greater fence of 16 digits', async () => {
      const fences: FencingToken[] = [];
      for (const id of ['a', 'b', 'c']) fences.push(granted(await request(id)));
      await release('b');
      fences.push(granted(await request('d', { ttlMs: TERM_MS })));
      await harness.elapse(PAST_TERM_MS);
      for (const id of ['a', 'c']) await release(id);
      // A writer comes after everybody who read.
      fences.push(granted(await request('w', { weight: SEATS })));
      for (const [index, fence] of fences.entries()) {
        expect(fence).toMatch(/^\d{16}$/);
        if (index > 0) expect(fence > (fences[index - 1] as string)).toBe(true);
      }
    });

    it('[PS6] a request is granted once: repeated it is held, ended it is gone', async () => {
      const fence = granted(await request('a'));
      expect(await request('a')).toMatchObject({ kind: 'held', view: { fence, leaseId: leaseOf('a') } });
      expect((await inspect()).held).toBe(1);
      await release('a');
      expect(await request('a')).toEqual({ kind: 'gone', how: 'released' });
      granted(await request('b', { ttlMs: TERM_MS }));
      await harness.elapse(PAST_TERM_MS);
      expect(await request('b')).toEqual({ kind: 'gone', how: 'expired' });
    });

    it('[PS6] a request that was cancelled before it arrived is never granted', async () => {
      expect(await cancel('a')).toEqual({ kind: 'left' });
      expect(await request('a')).toEqual({ kind: 'gone', how: 'cancelled' });
      granted(await request('b'));
      expect(await cancel('b')).toEqual({ kind: 'returned' });
      expect(await cancel('b')).toEqual({ kind: 'gone', how: 'cancelled' });
      expect((await inspect()).held).toBe(0);
    });

    it('[PS9] another number of permits is refused with the stored one, until nobody holds', async () => {
      granted(await request('a'));
      expect(await request('b', { capacity: 5 })).toEqual({ kind: 'capacity', stored: SEATS });
      expect(await inspect()).toMatchObject({ permits: SEATS, held: 1 });
      await release('a');
      expect(await inspect()).toMatchObject({ permits: 0, free: 0, held: 0 });
      granted(await request('c', { capacity: 5, weight: 5 }));
      expect(await inspect()).toMatchObject({ permits: 5, free: 0 });
    });
  });

  describe('queueing', () => {
    it('[PS4] the head that does not fit yet is passed by nobody', async () => {
      granted(await request('a', { weight: 3 }));
      expect(await request('writer', { weight: 4, waitMs: 5_000 })).toMatchObject({ kind: 'queued', position: 1 });
      // One permit is free, and nobody may have it.
      expect(await request('late')).toMatchObject({ kind: 'busy', position: 2, view: { queue: 1 } });
      expect(await request('next', { waitMs: 5_000 })).toMatchObject({ kind: 'queued', position: 2 });
      expect(await inspect()).toMatchObject({
        free: 1,
        waiters: [
          { holder: { id: 'writer' }, weight: 4 },
          { holder: { id: 'next' }, weight: 1 },
        ],
      });
      await release('a');
      await offered('writer');
      expect(await request('late2')).toMatchObject({ kind: 'busy' });
      await renew('writer');
      await release('writer');
      await offered('writer', 'next');
    });

    it('[PS5] all that fit are offered at once, in order, each for its own 2 s', async () => {
      granted(await request('w', { weight: 4 }));
      for (const id of ['r1', 'r2', 'r3']) await request(id, { waitMs: 20_000 });
      await request('w2', { weight: 4, waitMs: 20_000 });
      await request('r4', { waitMs: 20_000 });
      await release('w');
      const made = await offered('r1', 'r2', 'r3');
      for (const [index, offer] of made.entries()) {
        expect(offer).toMatchObject({ resource: gpu, leaseId: leaseOf(`r${index + 1}`) });
        expect(offer.untilMs - offer.grantedAtMs).toBe(OFFER_MS);
        if (index > 0) expect(offer.fence > (made[index - 1] as Offer).fence).toBe(true);
      }
      expect(await renew('r1')).toMatchObject({
        kind: 'renewed',
        view: { offered: false, remainingMs: LONG_MS, fence: made[0]?.fence },
      });
      expect(await request('r2')).toMatchObject({ kind: 'held', view: { offered: false } });
      expect((await inspect()).holders.map((one) => one.offered).sort()).toEqual([false, false, true]);
    });

    it('[PS5] an offer that nobody confirms passes on', async () => {
      granted(await request('a', { weight: 4 }));
      await request('b', { weight: 4, waitMs: 20_000 });
      await request('c', { weight: 4, waitMs: 20_000 });
      await release('a');
      await offered('b');
      await harness.elapse(OFFER_MS + 10);
      await store.sweep();
      await offered('b', 'c');
      expect(await renew('b')).toEqual({ kind: 'ended', how: 'superseded' });
    });

    it('[PS7] a head that leaves makes room for those behind it at once', async () => {
      granted(await request('a', { weight: 3 }));
      await request('big', { weight: 4, waitMs: 20_000 });
      await request('small', { waitMs: 20_000 });
      expect(await cancel('big')).toEqual({ kind: 'left' });
      await offered('small');
    });

    it('[PS7] asking again without waiting leaves the queue as well', async () => {
      granted(await request('a', { weight: 3 }));
      await request('big', { weight: 4, waitMs: 20_000 });
      await request('small', { waitMs: 20_000 });
      expect(await request('big', { weight: 4 })).toMatchObject({ kind: 'busy', position: 1 });
      await offered('small');
    });

    it('[PS7] a head that dies makes room with the next sweep, though nobody asks', async () => {
      granted(await request('a', { weight: 3 }));
      for (const id of ['dead1', 'dead2']) await request(id, { weight: 4, waitMs: 50 });
      await request('small', { waitMs: 20_000 });
      await harness.elapse(80);
      await store.sweep();
      await offered('small');
      expect(await inspect()).toMatchObject({ held: 2, queue: 0 });
    });

    it('[PS4] a place is kept by asking again, and is last for who comes back', async () => {
      granted(await request('a', { weight: 4 }));
      await request('b', { waitMs: 20_000 });
      await request('c', { waitMs: 20_000 });
      expect(await request('b', { waitMs: 20_000 })).toMatchObject({ kind: 'queued', position: 1 });
      await request('b');
      expect(await request('b2', { waitMs: 20_000 })).toMatchObject({ kind: 'queued', position: 2 });
    });
  });

  describe('ending', () => {
    it('[PS8] releasing is answered truthfully, and changes nothing twice', async () => {
      granted(await request('a', { weight: 2 }));
      granted(await request('b', { weight: 2 }));
      expect(await release('a')).toEqual({ kind: 'released' });
      expect(await release('a')).toEqual({ kind: 'already' });
      expect(await release('never')).toEqual({ kind: 'unknown' });
      expect(await inspect()).toMatchObject({ free: 2, held: 1 });
      expect(await release('b', 'revoked')).toEqual({ kind: 'released' });
      expect(await renew('b')).toEqual({ kind: 'ended', how: 'revoked' });
    });

    it('[PS8] releasing late answers expired, or superseded once another was granted', async () => {
      granted(await request('a', { ttlMs: TERM_MS, weight: 4 }));
      await harness.elapse(PAST_TERM_MS);
      expect(await release('a')).toEqual({ kind: 'expired' });
      granted(await request('b', { weight: 4 }));
      expect(await release('a')).toEqual({ kind: 'superseded' });
      expect(await inspect()).toMatchObject({ held: 1, free: 0 });
    });

    it('[PS10] a writer becomes a reader at once under its fence, and readers in line are let in', async () => {
      const fence = granted(await request('w', { weight: 4 }));
      for (const id of ['r1', 'r2']) await request(id, { waitMs: 20_000 });
      await request('w2', { weight: 4, waitMs: 20_000 });
      expect(await reweigh('w', 1)).toMatchObject({
        kind: 'lowered',
        view: { leaseId: leaseOf('w'), fence, weight: 1 },
      });
      await offered('r1', 'r2');
      expect(await inspect()).toMatchObject({ held: 3, free: 1, queue: 1 });
    });

    it('[PS10] the only reader becomes a writer by a new grant; one of several is refused', async () => {
      const first = granted(await request('r1'));
      const second = granted(await request('r2'));
      expect(await reweigh('r1', 4)).toEqual({ kind: 'shared', others: 1 });
      await release('r2');
      const reply = await reweigh('r1', 4);
      expect(reply).toMatchObject({ kind: 'granted' });
      if (reply.kind !== 'granted') return;
      expect(reply.fence > second && second > first).toBe(true);
      expect(await renew('r1')).toEqual({ kind: 'ended', how: 'released' });
      expect(await inspect()).toMatchObject({ held: 1, free: 0 });
      // The answer was lost: asked again, it is the same.
      expect(await reweigh('r1', 4)).toMatchObject({ kind: 'held', view: { fence: reply.fence, weight: 4 } });
      expect(await reweigh('never', 4)).toEqual({ kind: 'ended', how: 'unknown' });
    });

    it('[PS13] whoever else ends a permit, its holder is told, and by its name', async () => {
      const end = (requestId: string, how: 'released' | 'revoked', isByOther: boolean) =>
        submit<'release'>({
          kind: 'release',
          resource: gpu,
          leaseId: leaseOf(requestId),
          how,
          reason: undefined,
          isByOther,
        });
      for (const requestId of ['r1', 'r2', 'r3']) granted(await request(requestId));
      await end('r1', 'released', false);
      await end('r2', 'released', true);
      await end('r3', 'revoked', true);
      expect(await end('r3', 'revoked', true)).toEqual({ kind: 'already' });
      const facts = { kind: 'ended', resource: gpu };
      await expect
        .poll(async () => {
          await harness.elapse(1);
          return told;
        })
        .toEqual([
          { ...facts, leaseId: leaseOf('r2'), how: 'released' },
          { ...facts, leaseId: leaseOf('r3'), how: 'revoked' },
        ]);
    });

    it('[PS15] notes every grant and every end, in order', async () => {
      granted(await request('r1', { weight: SEATS }));
      await request('r2', { waitMs: 5_000 });
      await release('r1');
      await offered('r2');
      await release('r2', 'revoked');
      const read = async (after: string | 'start', limit: number) =>
        (await Promise.all(Array.from({ length: store.logs }, (_, log) => store.readLog(log, after, limit)))).find(
          ({ events }) => events.length > 0,
        );
      const all = await read('start', 10);
      expect(all?.events.map(({ type, how, holder, permits }) => [type, how, holder.id, permits])).toEqual([
        ['claimed', undefined, 'r1', SEATS],
        ['released', 'released', 'r1', SEATS],
        ['offered', undefined, 'r2', 1],
        ['released', 'revoked', 'r2', 1],
      ]);
      const ids = all?.events.map(({ id }) => id) ?? [];
      expect([...ids].sort()).toEqual(ids);
      expect(all?.events.map(({ prev }) => prev)).toEqual(['', ...ids.slice(0, -1)]);
      expect(await read(ids[1] ?? '', 1)).toMatchObject({ events: [{ id: ids[2] }], next: ids[2], gap: false });
      expect(await read('0000000000000001', 1)).toMatchObject({ gap: true });
    });

    it('[PS14] lists the pools in use by prefix, in order of their names', async () => {
      for (const resource of ['tpu', 'gpu:b', 'gpu:a', 'gpu:ж', 'free']) await request(`of ${resource}`, { resource });
      await submit<'release'>({
        kind: 'release',
        resource: 'free',
        leaseId: leaseOf('of free'),
        how: 'released',
        reason: undefined,
      });
      const names = async (prefix: string, after: string, limit: number) => {
        const { views, next } = await store.list({ prefix, after, limit });
        return [...views.map(({ resource, held }) => `${resource} ${held}`), next];
      };
      expect(await names('', '', 10)).toEqual(['gpu:a 1', 'gpu:b 1', 'gpu:ж 1', 'tpu 1', undefined]);
      expect(await names('gpu:', '', 2)).toEqual(['gpu:a 1', 'gpu:b 1', 'gpu:b']);
      expect(await names('gpu:', 'gpu:b', 2)).toEqual(['gpu:ж 1', undefined]);
      expect(await names('x', '', 2)).toEqual([undefined]);
    });

    it('[PS11] remembers 256 ended leases of a pool, the latest of them', async () => {
      for (let n = 0; n <= MAX_ENDED; n += 1) {
        granted(await request(`e${n}`));
        await release(`e${n}`);
      }
      expect(await release('e0')).toEqual({ kind: 'unknown' });
      expect(await release('e1')).toEqual({ kind: 'already' });
      expect(await release(`e${MAX_ENDED}`)).toEqual({ kind: 'already' });
    });

    it('[PS11] keeps 1,024 holders at most, and as many waiters', async () => {
      const capacity = 10 * MAX_HOLDERS;
      const many = (name: string, count: number, waitMs: number) =>
        Promise.all(Array.from({ length: count }, (_, n) => request(`${name}${n}`, { capacity, waitMs })));
      const held = await many('h', MAX_HOLDERS, 0);
      expect(held.every((reply) => reply.kind === 'granted')).toBe(true);
      const waiting = await many('w', MAX_WAITERS, 30_000);
      expect(waiting.every((reply) => reply.kind === 'queued')).toBe(true);
      expect(await request('more', { capacity, waitMs: 30_000 })).toMatchObject({
        kind: 'busy',
        full: true,
        position: MAX_WAITERS + 1,
      });
      expect(await inspect()).toMatchObject({ held: MAX_HOLDERS, queue: MAX_WAITERS, free: capacity - MAX_HOLDERS });
      await release('h0');
      await offered('w0');
    });
  });
}

function leaseOf(requestId: string): string {
  return `lease-${requestId}`;
}

function granted(reply: PermitReplies['request']): FencingToken {
  if (reply.kind !== 'granted') throw new Error(`expected a grant, got ${JSON.stringify(reply)}`);
  return reply.fence;
}
