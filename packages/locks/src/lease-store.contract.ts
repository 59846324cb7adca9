import { describe, expect, it } from 'vitest';
import type { FencingToken } from './lease.ts';
import type { Replies } from './lease-command.ts';
import { MAX_ENDED, OFFER_MS } from './lease-record.ts';
import {
  granted,
  type LeaseStoreHarness,
  LONG_MS,
  leaseIdOf,
  leaseStoreSteps,
  PAST_TERM_MS,
  press,
  TERM_MS,
} from './lease-store.contract.steps.ts';
import { takeoverContract } from './lease-store.contract.takeover.ts';

/** The rules of `LeaseStore`, as tests: every adapter passes them all. */
export function leaseStoreContract(harness: LeaseStoreHarness): void {
  const steps = leaseStoreSteps(harness);
  const { store, submit, request, release, renew, attach, away, cancel, inspect, offerTo, events } = steps;

  describe('granting', () => {
    it('[LS2] a held resource is busy for another party, and says who holds it', async () => {
      granted(await request('ada'));
      const reply = await request('bob');
      expect(reply).toMatchObject({
        kind: 'busy',
        position: 1,
        full: false,
        view: {
          holder: { id: 'ada', name: 'Dr ada' },
          instance: 'tab',
          meta: { why: 'test' },
          gen: 1,
          link: { kind: 'none' },
        },
      });
    });

    it('[LS2] a lease lapses at its end without anybody asking for it', async () => {
      granted(await request('ada', { ttlMs: TERM_MS, requestId: 'a' }));
      await harness.elapse(PAST_TERM_MS);
      expect(await inspect()).toMatchObject({ kind: 'free', last: { how: 'expired' } });
      expect(await renew('a')).toEqual({ kind: 'ended', how: 'expired' });
    });

    it('[LS3] every later grant carries a strictly greater fence of 16 digits', async () => {
      const fences: FencingToken[] = [];
      for (const [turn, who] of ['ada', 'bob', 'cyd', 'ada'].entries()) {
        fences.push(granted(await request(who, { requestId: `f${turn}` })));
        await release(`f${turn}`);
      }
      granted(await request('dan', { requestId: 'lapses', ttlMs: TERM_MS }));
      await harness.elapse(PAST_TERM_MS);
      fences.push(granted(await request('eve')));
      for (const [index, fence] of fences.entries()) {
        expect(fence).toMatch(/^\d{16}$/);
        if (index > 0) expect(fence > (fences[index - 1] as string)).toBe(true);
      }
    });

    it('[LS4] renewing and attaching keep the fence', async () => {
      const fence = granted(await request('ada', { requestId: 'a' }));
      expect(await renew('a')).toMatchObject({ kind: 'renewed', view: { fence } });
      expect(await attach('a', 'tab', 'c1')).toMatchObject({ kind: 'attached', view: { fence } });
      expect(await request('ada', { requestId: 'a' })).toMatchObject({ kind: 'held', view: { fence } });
    });

    it('[LS5] repeating a request gives the same lease, and none once it has ended', async () => {
      granted(await request('ada', { requestId: 'a' }));
      expect(await request('ada', { requestId: 'a' })).toMatchObject({
        kind: 'held',
        view: { leaseId: leaseIdOf('a'), requestId: 'a' },
      });
      await release('a');
      expect(await request('ada', { requestId: 'a' })).toEqual({ kind: 'gone', how: 'released' });
      granted(await request('bob', { requestId: 'b', ttlMs: TERM_MS }));
      await harness.elapse(PAST_TERM_MS);
      expect(await request('bob', { requestId: 'b' })).toEqual({ kind: 'gone', how: 'expired' });
    });

    it('[LS5] requests of one tick with one id make one grant', async () => {
      const replies = await Promise.all(Array.from({ length: 5 }, () => request('ada', { requestId: 'same' })));
      expect(replies.map((reply) => reply.kind).sort()).toEqual(['granted', 'held', 'held', 'held', 'held']);
    });

    it('[LS6] the same party gets the lease it has; another instance of the same holder does not', async () => {
      const fence = granted(await request('ada', { requestId: 'a' }));
      expect(await request('ada', { requestId: 'a2' })).toMatchObject({
        kind: 'held',
        view: { fence, requestId: 'a' },
      });
      expect(await request('ada', { instance: 'other tab' })).toMatchObject({ kind: 'busy' });
    });

    it('[LS2] of many that ask in one tick exactly one is granted, round after round', async () => {
      let last = '';
      for (let round = 0; round < 20; round += 1) {
        const replies = await Promise.all(
          Array.from({ length: 20 }, (_, n) => request(`p${n}`, { requestId: `r${round}-${n}` })),
        );
        const winner = replies.findIndex((reply) => reply.kind === 'granted');
        expect(replies.filter((reply) => reply.kind === 'granted')).toHaveLength(1);
        expect(replies.filter((reply) => reply.kind === 'busy')).toHaveLength(19);
        const fence = granted(replies[winner] as Replies['request']);
        expect(fence > last).toBe(true);
        last = fence;
        await release(`r${round}-${winner}`);
      }
    });

    it('[LS1] names of any script, with quotes and slashes, are resources of their own', async () => {
      for (const resource of ['node/a b', 'ключ', '"quoted\\"', '~', ':', '::', 'a'.repeat(500), 'x:y z:{b1}']) {
        granted(await request('ada', { resource, requestId: `id ${resource}` }));
        expect(await inspect(resource)).toMatchObject({ kind: 'held', resource });
      }
    });
  });

  describe('ending', () => {
    it('[LS10] releasing twice answers already', async () => {
      granted(await request('ada', { requestId: 'a' }));
      expect(await release('a')).toEqual({ kind: 'released' });
      expect(await release('a')).toEqual({ kind: 'already' });
    });

    it('[LS10] releasing late answers expired, or superseded after another grant, which is untouched', async () => {
      granted(await request('ada', { requestId: 'a', ttlMs: TERM_MS }));
      await harness.elapse(PAST_TERM_MS);
      expect(await release('a')).toEqual({ kind: 'expired' });
      const fence = granted(await request('bob'));
      expect(await release('a')).toEqual({ kind: 'superseded' });
      expect(await renew('a')).toEqual({ kind: 'ended', how: 'superseded' });
      expect(await inspect()).toMatchObject({ kind: 'held', fence });
    });

    it('[LS10] a lease nobody knows is unknown', async () => {
      expect(await release('never')).toEqual({ kind: 'unknown' });
      granted(await request('ada'));
      expect(await release('never')).toEqual({ kind: 'unknown' });
      expect(
        await submit<'release'>({ kind: 'release', resource: press, leaseId: '', how: 'released', reason: undefined }),
      ).toEqual({ kind: 'unknown' });
    });

    it('[LS10] a revoked lease says so to its holder', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await submit<'release'>({
        kind: 'release',
        resource: press,
        leaseId: leaseIdOf('a'),
        how: 'revoked',
        reason: 'removed "today"',
      });
      expect(await renew('a')).toEqual({ kind: 'ended', how: 'revoked' });
      expect((await events()).at(-1)).toMatchObject({ type: 'released', how: 'revoked', reason: 'removed "today"' });
    });

    it('[LS10] at most 256 ended leases are remembered, the latest of them always', async () => {
      for (let n = 0; n <= MAX_ENDED; n += 1) {
        granted(await request('ada', { requestId: `e${n}` }));
        await release(`e${n}`);
      }
      expect(await release('e0')).toEqual({ kind: 'unknown' });
      expect(await release(`e${MAX_ENDED}`)).toEqual({ kind: 'already' });
      expect(await release(`e${MAX_ENDED - 100}`)).toEqual({ kind: 'already' });
    });

    it('[LS4] a renewal extends the term, with a new length where one is given', async () => {
      granted(await request('ada', { requestId: 'a', ttlMs: TERM_MS }));
      await harness.elapse(TERM_MS / 2);
      expect(await renew('a', { ttlMs: 5_000 })).toMatchObject({
        kind: 'renewed',
        view: { ttlMs: 5_000, remainingMs: 5_000 },
      });
      await harness.elapse(PAST_TERM_MS);
      expect(await inspect()).toMatchObject({ kind: 'held' });
    });
  });

  describe('queueing', () => {
    it('[LS7] a release offers to the first in line, in order, and nobody passes the queue', async () => {
      granted(await request('ada', { requestId: 'a' }));
      expect(await request('bob', { requestId: 'b', waitMs: 5_000 })).toMatchObject({ kind: 'queued', position: 1 });
      expect(await request('cyd', { requestId: 'c', waitMs: 5_000 })).toMatchObject({ kind: 'queued', position: 2 });
      expect(await request('bob', { requestId: 'b', waitMs: 5_000 })).toMatchObject({ kind: 'queued', position: 1 });
      expect(await request('dan')).toMatchObject({ kind: 'busy', position: 3, view: { queue: 2 } });
      await release('a');
      const first = await offerTo('b');
      expect(await request('dan')).toMatchObject({
        kind: 'busy',
        view: { holder: { id: 'bob' }, offered: true, fence: first.fence },
      });
      await renew('b');
      await release('b');
      const second = await offerTo('c');
      expect(second.fence > first.fence).toBe(true);
      expect(second).toMatchObject({ resource: press, leaseId: leaseIdOf('c') });
    });

    it('[LS8] confirming an offer gives the full term and keeps its fence', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await request('bob', { requestId: 'b', waitMs: 5_000, ttlMs: LONG_MS });
      await release('a');
      const offer = await offerTo('b');
      expect(offer.untilMs - offer.grantedAtMs).toBe(OFFER_MS);
      expect(await renew('b')).toMatchObject({
        kind: 'renewed',
        view: { fence: offer.fence, offered: false, remainingMs: LONG_MS },
      });
    });

    it('[LS8] repeating the request confirms an offer whose notification was lost', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await request('bob', { requestId: 'b', waitMs: 5_000 });
      await release('a');
      expect(await request('bob', { requestId: 'b', waitMs: 5_000 })).toMatchObject({
        kind: 'held',
        view: { offered: false, leaseId: leaseIdOf('b') },
      });
    });

    it('[LS8] an offer that nobody confirms passes to the next', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await request('bob', { requestId: 'b', waitMs: 20_000 });
      await request('cyd', { requestId: 'c', waitMs: 20_000 });
      await release('a');
      await offerTo('b');
      await harness.elapse(OFFER_MS + 10);
      await store().sweep();
      expect((await offerTo('c')).leaseId).toBe(leaseIdOf('c'));
      expect(await renew('b')).toEqual({ kind: 'ended', how: 'superseded' });
      expect((await events()).map((event) => [event.type, event.how])).toContainEqual(['expired', 'unconfirmed']);
    });

    it('[LS9] dead waiters are skipped, all at once', async () => {
      granted(await request('ada', { requestId: 'a' }));
      for (let n = 0; n < 10; n += 1) await request(`dead${n}`, { requestId: `dead${n}`, waitMs: 50 });
      await request('zoe', { requestId: 'z', waitMs: 5_000 });
      await harness.elapse(80);
      await release('a');
      expect((await offerTo('z')).requestId).toBe('z');
      expect(await inspect()).toMatchObject({ kind: 'held', holder: { id: 'zoe' }, queue: 0 });
    });

    it('[LS9] when all who waited are dead the resource is free', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await request('bob', { requestId: 'b', waitMs: 30 });
      await harness.elapse(50);
      await release('a');
      granted(await request('cyd'));
    });

    it('[LS7] asking again without waiting leaves the queue', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await request('bob', { requestId: 'b', waitMs: 5_000 });
      expect(await request('bob', { requestId: 'b', waitMs: 0 })).toMatchObject({
        kind: 'busy',
        position: 1,
        view: { queue: 0 },
      });
      await release('a');
      expect(await inspect()).toMatchObject({ kind: 'free' });
    });

    it('[LS5] a cancelled request leaves the queue, gives a grant back, and is gone for good', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await request('bob', { requestId: 'b', waitMs: 5_000 });
      await request('cyd', { requestId: 'c', waitMs: 5_000 });
      expect(await cancel('b')).toEqual({ kind: 'left' });
      expect(await cancel('a')).toEqual({ kind: 'returned' });
      expect((await offerTo('c')).requestId).toBe('c');
      expect(await request('bob', { requestId: 'b' })).toEqual({ kind: 'gone', how: 'cancelled' });
      expect(await cancel('b')).toEqual({ kind: 'gone', how: 'cancelled' });
    });

    it('[LS5] a cancel that overtakes its request still wins', async () => {
      expect(await cancel('early')).toEqual({ kind: 'left' });
      expect(await request('ada', { requestId: 'early' })).toEqual({ kind: 'gone', how: 'cancelled' });
      granted(await request('ada', { requestId: 'later' }));
    });
  });

  describe('connections', () => {
    it('[LS11] the same instance displaces its older connection and raises gen', async () => {
      granted(await request('ada', { requestId: 'a' }));
      expect(await attach('a', 'tab', 'c1')).toMatchObject({
        kind: 'attached',
        displaced: undefined,
        view: { gen: 2, link: { kind: 'attached', node: 'n1', conn: 'c1' } },
      });
      expect(await attach('a', 'tab', 'c1')).toMatchObject({
        kind: 'attached',
        displaced: undefined,
        view: { gen: 2 },
      });
      expect(await attach('a', 'tab', 'c2')).toMatchObject({
        kind: 'attached',
        displaced: { node: 'n1', conn: 'c1' },
        view: { gen: 3 },
      });
    });

    it('[LS11] another instance is busy while one is attached, and takes over when it is away', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await attach('a', 'tab', 'c1');
      expect(await attach('a', 'tab2', 'c2')).toEqual({ kind: 'busy', instance: 'tab' });
      expect(await away('a', 5_000, 2)).toMatchObject({
        kind: 'away',
        view: { link: { kind: 'away' }, remainingMs: 5_000 },
      });
      expect(await attach('a', 'tab2', 'c2')).toMatchObject({ kind: 'attached', view: { instance: 'tab2', gen: 3 } });
    });

    it('[LS11] a stale away does nothing', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await attach('a', 'tab', 'c1');
      await attach('a', 'tab', 'c2');
      expect(await away('a', 1, 2)).toEqual({ kind: 'stale', gen: 3 });
      expect(await inspect()).toMatchObject({ link: { kind: 'attached', conn: 'c2' } });
    });

    it('[LS11] an away lease ends with its grace, unless somebody comes back', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await attach('a', 'tab', 'c1');
      await away('a', TERM_MS, 2);
      expect(await attach('a', 'tab', 'c2')).toMatchObject({ kind: 'attached', view: { remainingMs: LONG_MS } });
      await away('a', TERM_MS, 3);
      await harness.elapse(PAST_TERM_MS);
      expect(await inspect()).toMatchObject({ kind: 'free', last: { how: 'expired' } });
    });

    it('[LS11] a renewal on behalf of a connection that is gone extends nothing', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await attach('a', 'tab', 'c1');
      await away('a', 1_000, 2);
      const late = await renew('a', { gen: 2 });
      if (late.kind !== 'renewed') throw new Error('the lease lives on');
      expect(late.view.remainingMs <= 1_000).toBe(true);
      expect(await renew('a')).toMatchObject({
        kind: 'renewed',
        view: { remainingMs: LONG_MS, link: { kind: 'none' } },
      });
    });
  });

  describe('telling', () => {
    it('[LS12] the log tells a lease’s life in order, linked, with ids that rise', async () => {
      const fence = granted(await request('ada', { requestId: 'a' }));
      await attach('a', 'tab', 'c1');
      await away('a', 5_000, 2);
      await attach('a', 'tab', 'c2');
      await request('bob', { requestId: 'b', waitMs: 5_000 });
      await release('a');
      await renew('b');
      const told = await events();
      expect(told.map((event) => event.type)).toEqual(['claimed', 'away', 'back', 'released', 'offered', 'claimed']);
      expect(told[0]).toMatchObject({
        fence,
        resource: press,
        leaseId: leaseIdOf('a'),
        holder: { id: 'ada', name: 'Dr ada' },
        instance: 'tab',
        gen: 1,
        prev: '',
        prevOfResource: '',
      });
      for (const [index, event] of told.entries()) {
        if (index === 0) continue;
        expect(event.prev).toBe(told[index - 1]?.id);
        expect(event.prevOfResource).toBe(told[index - 1]?.id);
        expect(event.id > event.prev).toBe(true);
      }
      expect((await inspect()).cursor).toBe(told.at(-1)?.id);
    });

    it('[LS12] a reader goes on where it stopped, without a gap', async () => {
      const bucket = store().bucketOf(press);
      for (let n = 0; n < 6; n += 1) {
        granted(await request('ada', { requestId: `n${n}` }));
        await release(`n${n}`);
      }
      const all = await events();
      let after: string = 'start';
      const read: string[] = [];
      for (let turn = 0; turn < 20; turn += 1) {
        const page = await store().readLog(bucket, after, 5);
        expect(page.gap).toBe(false);
        read.push(...page.events.map((event) => event.id));
        after = page.next;
      }
      expect(read).toEqual(all.map((event) => event.id));
    });

    it('[LS12] a cursor the log does not know is a gap', async () => {
      granted(await request('ada'));
      expect((await store().readLog(store().bucketOf(press), '0000000000000001', 5)).gap).toBe(true);
    });

    it('[LS12] a sweep finds a lapse that nobody asks about, within a second', async () => {
      granted(await request('ada', { requestId: 'a', ttlMs: TERM_MS }));
      await harness.elapse(1_000);
      await store().sweep();
      expect((await events()).at(-1)).toMatchObject({ type: 'expired', how: 'expired', leaseId: leaseIdOf('a') });
    });

    it('[LS16] a view tells how long the resource was held of late, whoever asked in vain meanwhile', async () => {
      granted(await request('ada', { requestId: 'held0' }));
      expect((await inspect()).usualHoldMs).toBeUndefined();
      for (const [turn, ms] of [20, 150, 600].entries()) {
        if (turn > 0) granted(await request('ada', { requestId: `held${turn}` }));
        await harness.elapse(ms);
        await release(`held${turn}`);
        await cancel(`never${turn}`);
      }
      const { usualHoldMs } = await inspect();
      expect(usualHoldMs).toBeGreaterThanOrEqual(150);
      expect(usualHoldMs).toBeLessThan(600);
      granted(await request('bob', { requestId: 'unused' }));
      await cancel('unused');
      expect((await inspect()).usualHoldMs).toBe(usualHoldMs);
    });

    it('[LS16] it is told by the last eight that were held, also when requests ended after them', async () => {
      for (let turn = 0; turn < 9; turn += 1) {
        granted(await request('ada', { requestId: `h${turn}` }));
        await harness.elapse(turn === 0 ? 400 : 10);
        await release(`h${turn}`);
      }
      for (let n = 0; n < 20; n += 1) await cancel(`n${n}`);
      granted(await request('bob'));
      const { usualHoldMs = -1 } = await inspect();
      expect(usualHoldMs).toBeGreaterThanOrEqual(9);
      expect(usualHoldMs).toBeLessThan(400);
    });

    it('[LS1] held resources are listed by prefix, in order, page by page', async () => {
      for (const name of ['node/c', 'node/a', 'nod', 'node/b', 'node/d', 'other'])
        granted(await request('ada', { resource: name, requestId: `held ${name}` }));
      granted(await request('bob', { resource: 'node/gone', requestId: 'gone' }));
      await release('gone', 'node/gone');
      const first = await store().list({ prefix: 'node/', after: '', limit: 3 });
      expect(first.views.map((view) => view.resource)).toEqual(['node/a', 'node/b', 'node/c']);
      const second = await store().list({ prefix: 'node/', after: first.next ?? '', limit: 3 });
      expect(second.views.map((view) => view.resource)).toEqual(['node/d']);
      expect(second.next).toBeUndefined();
    });
  });

  takeoverContract(harness, steps);
}

export type { LeaseStoreHarness };
