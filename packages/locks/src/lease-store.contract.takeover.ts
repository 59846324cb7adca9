import { describe, expect, it } from 'vitest';
import {
  breakingOf,
  granted,
  idOf,
  type LeaseStoreHarness,
  type LeaseStoreSteps,
  LONG_MS,
  leaseIdOf,
  PAST_TERM_MS,
  press,
  TERM_MS,
} from './lease-store.contract.steps.ts';

/** How leases pass from one holder to another, as tests: part of the contract of `LeaseStore`. */
export function takeoverContract(harness: LeaseStoreHarness, steps: LeaseStoreSteps): void {
  const {
    store,
    submit,
    request,
    release,
    renew,
    attach,
    cancel,
    inspect,
    takeover,
    answer,
    handOff,
    lookedAt,
    endedTold,
    offerTo,
    events,
  } = steps;

  describe('taking over', () => {
    it('[LS20] a takeover is asked of the holder, who is told at once; only one at a time', async () => {
      granted(await request('ada', { requestId: 'a' }));
      const asked = await takeover('bob', { requestId: 'b', reason: 'on "call"' });
      expect(asked).toMatchObject({
        kind: 'asked',
        view: {
          holder: { id: 'ada' },
          breaking: {
            by: { id: 'bob', name: 'Dr bob' },
            instance: 'tab',
            reason: 'on "call"',
            state: 'asked',
            onSilence: 'grant',
          },
        },
      });
      await lookedAt();
      expect(await takeover('cyd', { requestId: 'c' })).toMatchObject({
        kind: 'busy',
        view: { breaking: { by: { id: 'bob' } } },
        retryAfterMs: expect.any(Number),
      });
      const [, told] = await events();
      expect(told).toMatchObject({
        type: 'takeover-requested',
        holder: { id: 'ada' },
        by: { id: 'bob' },
        reason: 'on "call"',
        takeoverId: idOf(asked),
      });
    });

    it('[LS20] repeating it asks once, and keeps its time to answer', async () => {
      granted(await request('ada', { requestId: 'a' }));
      const first = await takeover('bob', { requestId: 'b' });
      await harness.elapse(20);
      const again = await takeover('bob', { requestId: 'b' });
      expect(breakingOf(again)).toEqual(breakingOf(first));
      expect((await events()).map((event) => event.type)).toEqual(['claimed', 'takeover-requested']);
    });

    it('[LS20] a free resource is granted at once, and a party is given what it has', async () => {
      expect(await takeover('bob', { requestId: 'b' })).toMatchObject({
        kind: 'granted',
        view: { holder: { id: 'bob' }, offered: false, remainingMs: LONG_MS },
      });
      expect(await takeover('bob', { requestId: 'b2' })).toMatchObject({ kind: 'held', view: { requestId: 'b' } });
      await release('b');
      expect(await takeover('bob', { requestId: 'b' })).toEqual({ kind: 'gone', how: 'released' });
    });

    it('[LS21] granted, it passes in the same step: a new fence, the pointer, and no lease for the one before', async () => {
      const fence = granted(await request('ada', { requestId: 'a' }));
      const asked = await takeover('bob', { requestId: 'b', reason: 'mine' });
      await request('cyd', { requestId: 'c', waitMs: 5_000 });
      expect(await answer('a', idOf(asked), { pointer: { revision: 7, parts: [] } })).toEqual({ kind: 'handed-over' });
      expect((await offerTo('b')).fence > fence).toBe(true);
      expect(await renew('a')).toEqual({ kind: 'ended', how: 'superseded' });
      expect(await release('a')).toEqual({ kind: 'superseded' });
      expect(await takeover('bob', { requestId: 'b' })).toMatchObject({
        kind: 'held',
        view: {
          offered: false,
          remainingMs: LONG_MS,
          queue: 1,
          handedOver: {
            from: { id: 'ada', name: 'Dr ada' },
            how: 'granted',
            reason: 'mine',
            pointer: { revision: 7, parts: [] },
          },
        },
      });
      expect((await events()).map(({ type, how, by, from }) => [type, how, by?.id, from?.id])).toEqual([
        ['claimed', undefined, undefined, undefined],
        ['takeover-requested', undefined, 'bob', undefined],
        ['released', 'handed-over', 'bob', undefined],
        ['offered', undefined, undefined, undefined],
        ['taken-over', 'granted', undefined, 'ada'],
      ]);
    });

    it('[LS21] whoever waits keeps their order behind a takeover', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await request('cyd', { requestId: 'c', waitMs: 20_000 });
      await request('dan', { requestId: 'd', waitMs: 20_000 });
      const asked = await takeover('bob', { requestId: 'b' });
      await answer('a', idOf(asked));
      await takeover('bob', { requestId: 'b' });
      await release('b');
      await offerTo('c');
      await renew('c');
      await release('c');
      await offerTo('d');
    });

    it('[LS22] a lease that drains ends with its drain, whoever renews it, and then is the asker’s', async () => {
      granted(await request('ada', { requestId: 'a' }));
      const asked = await takeover('bob', { requestId: 'b' });
      expect(await answer('a', idOf(asked), { drainMs: 120 })).toMatchObject({
        kind: 'draining',
        view: { remainingMs: 120, breaking: { state: 'draining', drainUntilMs: expect.any(Number) } },
      });
      const renewed = await renew('a');
      if (renewed.kind !== 'renewed') throw new Error('it is held until its drain is over');
      expect(renewed.view.remainingMs <= 120).toBe(true);
      expect(renewed.view.untilMs).toBe(renewed.view.breaking?.drainUntilMs);
      await attach('a', 'tab', 'c1');
      await harness.elapse(140);
      await store().sweep();
      await offerTo('b');
      expect(await renew('a')).toEqual({ kind: 'ended', how: 'superseded' });
      expect((await events()).map(({ type, how }) => [type, how])).toContainEqual(['released', 'handed-over']);
    });

    it('[LS22] released before its drain is over, it passes then; a second grant only shortens the drain', async () => {
      granted(await request('ada', { requestId: 'a' }));
      const asked = await takeover('bob', { requestId: 'b' });
      const first = await answer('a', idOf(asked), { drainMs: 20_000, pointer: 'here' });
      if (first.kind !== 'draining') throw new Error(first.kind);
      const { untilMs } = first.view;
      expect(await answer('a', idOf(asked), { drainMs: 60_000 })).toMatchObject({
        kind: 'draining',
        view: { untilMs },
      });
      expect(await answer('a', idOf(asked), { answer: 'deny' })).toMatchObject({ kind: 'draining' });
      expect(await release('a')).toEqual({ kind: 'released' });
      await offerTo('b');
      expect(await takeover('bob', { requestId: 'b' })).toMatchObject({
        kind: 'held',
        view: { handedOver: { how: 'granted', pointer: 'here' } },
      });
    });

    it('[LS23] denied, it is denied to who asked, however often; nobody else is kept from asking', async () => {
      granted(await request('ada', { requestId: 'a' }));
      const asked = await takeover('bob', { requestId: 'b' });
      expect(
        await answer('a', idOf(asked), { answer: 'deny', reason: 'nearly "done"', retryAfterMs: 60_000 }),
      ).toMatchObject({
        kind: 'denied',
        view: { holder: { id: 'ada' } },
      });
      await lookedAt('b');
      const denied = { kind: 'denied', by: { id: 'ada', name: 'Dr ada' }, reason: 'nearly "done"' };
      expect(await takeover('bob', { requestId: 'b' })).toMatchObject(denied);
      expect(await takeover('bob', { requestId: 'again' })).toMatchObject({
        ...denied,
        retryAfterMs: expect.any(Number),
      });
      expect(await answer('a', idOf(asked))).toMatchObject({ kind: 'not-asked' });
      expect(await takeover('cyd', { requestId: 'c' })).toMatchObject({ kind: 'asked' });
      expect(await takeover('bob', { requestId: 'b' })).toEqual({ kind: 'gone', how: 'denied' });
      expect((await events())[2]).toMatchObject({
        type: 'takeover-denied',
        how: 'denied',
        by: { id: 'bob' },
        reason: 'nearly "done"',
        takeoverId: idOf(asked),
      });
      expect(await renew('a')).toMatchObject({ kind: 'renewed' });
    });

    it('[LS23] silence grants', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await takeover('bob', { requestId: 'b', graceMs: 60, onSilence: 'grant', reason: 'gone home' });
      await harness.elapse(80);
      await store().sweep();
      await offerTo('b');
      expect(await renew('a')).toEqual({ kind: 'ended', how: 'revoked' });
      expect(await takeover('bob', { requestId: 'b' })).toMatchObject({
        kind: 'held',
        view: { handedOver: { from: { id: 'ada' }, how: 'unanswered', reason: 'gone home' } },
      });
      expect((await events())[2]).toMatchObject({
        type: 'released',
        how: 'revoked',
        by: { id: 'bob' },
        reason: 'gone home',
      });
    });

    it('[LS23] silence denies, as it was asked', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await takeover('bob', { requestId: 'b', graceMs: 60, onSilence: 'deny' });
      await harness.elapse(80);
      await store().sweep();
      await lookedAt('b');
      expect(await takeover('bob', { requestId: 'b' })).toMatchObject({ kind: 'denied', by: { id: 'ada' } });
      expect((await events()).at(-1)).toMatchObject({ type: 'takeover-denied', how: 'unanswered' });
    });

    it('[LS24] who asked gets it first when its holder releases it, loses it or is gone', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await request('cyd', { requestId: 'c', waitMs: 20_000 });
      await takeover('bob', { requestId: 'b' });
      await release('a');
      await offerTo('b');
      expect(await takeover('bob', { requestId: 'b' })).toMatchObject({ view: { handedOver: { how: 'left' } } });
      await release('b');
      await offerTo('c');
      await submit<'renew'>({
        kind: 'renew',
        resource: press,
        leaseId: leaseIdOf('c'),
        ttlMs: TERM_MS,
        gen: undefined,
      });
      await takeover('eve', { requestId: 'e' });
      await harness.elapse(PAST_TERM_MS);
      await store().sweep();
      await offerTo('e');
    });

    it('[LS24] withdrawn, by its name or by cancelling the request, it is gone and the lease goes on', async () => {
      granted(await request('ada', { requestId: 'a' }));
      const asked = await takeover('bob', { requestId: 'b' });
      const withdraw = () => submit<'withdraw'>({ kind: 'withdraw', resource: press, takeoverId: idOf(asked) });
      expect(await withdraw()).toEqual({ kind: 'withdrawn' });
      expect(await withdraw()).toEqual({ kind: 'not-asked' });
      expect(await takeover('bob', { requestId: 'b' })).toEqual({ kind: 'gone', how: 'cancelled' });
      await takeover('bob', { requestId: 'b2' });
      expect(await cancel('b2')).toEqual({ kind: 'left' });
      expect(await answer('a', idOf(asked))).toMatchObject({ kind: 'not-asked', view: { holder: { id: 'ada' } } });
      expect(await release('a')).toEqual({ kind: 'released' });
      expect(await inspect()).toMatchObject({ kind: 'free' });
      expect((await events()).map(({ type, how }) => [type, how])).toEqual([
        ['claimed', undefined],
        ['takeover-requested', undefined],
        ['takeover-denied', 'withdrawn'],
        ['takeover-requested', undefined],
        ['takeover-denied', 'withdrawn'],
        ['released', 'released'],
      ]);
    });

    it('[LS24] an asker that is dead gets nothing: not by silence, not after a drain', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await takeover('bob', { requestId: 'b', waitMs: 40, graceMs: 100 });
      await harness.elapse(120);
      await store().sweep();
      expect(await inspect()).toMatchObject({ kind: 'held', holder: { id: 'ada' } });
      expect((await events()).at(-1)).toMatchObject({ type: 'takeover-denied', how: 'lapsed' });
      const asked = await takeover('bob', { requestId: 'b2', waitMs: 100 });
      await answer('a', idOf(asked), { drainMs: 20_000 });
      await harness.elapse(120);
      expect(await renew('a')).toMatchObject({ kind: 'renewed', view: { remainingMs: LONG_MS } });
    });

    it('[LS25] by force it is granted in the same step, past the queue, and the holder is told', async () => {
      const fence = granted(await request('ada', { requestId: 'a' }));
      await request('cyd', { requestId: 'c', waitMs: 20_000 });
      await takeover('dan', { requestId: 'd' });
      const forced = await takeover('bob', { requestId: 'b', force: true, reason: 'an emergency' });
      if (forced.kind !== 'granted') throw new Error(forced.kind);
      expect(forced.view).toMatchObject({ offered: false, remainingMs: LONG_MS, queue: 1 });
      expect(forced.view.fence > fence).toBe(true);
      expect(forced.view.handedOver).toEqual({
        from: { id: 'ada', name: 'Dr ada' },
        how: 'forced',
        reason: 'an emergency',
      });
      await endedTold('a', 'revoked');
      await lookedAt('d');
      expect(await takeover('bob', { requestId: 'b', force: true })).toMatchObject({ kind: 'held' });
      expect(await renew('a')).toEqual({ kind: 'ended', how: 'revoked' });
      const told = (await events()).slice(-2);
      expect(told.map(({ type, how, by, from, reason }) => [type, how, by?.id, from?.id, reason])).toEqual([
        ['released', 'revoked', 'bob', undefined, 'an emergency'],
        ['taken-over', 'forced', undefined, 'ada', 'an emergency'],
      ]);
    });

    it('[LS27] whoever else ends a lease, its holder is told, wherever that is, and by its name', async () => {
      const end = (requestId: string, how: 'released' | 'revoked') =>
        submit<'release'>({
          kind: 'release',
          resource: press,
          leaseId: leaseIdOf(requestId),
          how,
          reason: undefined,
          isByOther: true,
        });
      granted(await request('ada', { requestId: 'a' }));
      expect(await end('a', 'released')).toEqual({ kind: 'released' });
      await endedTold('a', 'released');
      granted(await request('bob', { requestId: 'b' }));
      await end('b', 'revoked');
      await endedTold('b', 'revoked');
      granted(await request('cyd', { requestId: 'c' }));
      await cancel('c');
      await endedTold('c', 'cancelled');
      granted(await request('dan', { requestId: 'd' }));
      await handOff('d', 'eve');
      await endedTold('d', 'handed-over');
    });

    it('[LS26] handed off, it stands for that party alone, and passes to the queue when they do not come', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await request('cyd', { requestId: 'c', waitMs: 20_000 });
      const handed = await handOff('a', 'bob', { pointer: [1, 'two'], offerMs: 150 });
      if (handed.kind !== 'handed-off') throw new Error(handed.kind);
      expect(await request('eve')).toMatchObject({ kind: 'busy', view: { holder: { id: 'bob' }, offered: true } });
      expect(await request('bob', { requestId: 'claims' })).toMatchObject({
        kind: 'held',
        view: {
          leaseId: handed.leaseId,
          fence: handed.fence,
          remainingMs: LONG_MS,
          handedOver: { from: { id: 'ada' }, how: 'handed-off', pointer: [1, 'two'] },
        },
      });
      expect(await release('a')).toEqual({ kind: 'superseded' });
      const next = await submit<'hand-off'>({
        kind: 'hand-off',
        resource: press,
        leaseId: handed.leaseId,
        to: { id: 'dan' },
        instance: 'tab',
        pointer: undefined,
        offerMs: 60,
        nextLeaseId: 'lease-never',
        nextRequestId: 'never',
      });
      expect(next).toMatchObject({ kind: 'handed-off', leaseId: 'lease-never' });
      await harness.elapse(80);
      await store().sweep();
      await offerTo('c');
    });

    it('[LS26] a party that waits is handed its own place; a lease that drains is promised already', async () => {
      granted(await request('ada', { requestId: 'a' }));
      await request('cyd', { requestId: 'c', waitMs: 20_000 });
      await request('bob', { requestId: 'b', waitMs: 20_000 });
      expect(await handOff('a', 'bob')).toMatchObject({ kind: 'handed-off', leaseId: leaseIdOf('b') });
      await offerTo('b');
      expect(await request('bob', { requestId: 'b', waitMs: 5_000 })).toMatchObject({
        kind: 'held',
        view: { queue: 1 },
      });
      const asked = await takeover('eve', { requestId: 'e' });
      await answer('b', idOf(asked), { drainMs: 20_000 });
      expect(await handOff('b', 'dan')).toEqual({ kind: 'promised', by: { id: 'eve', name: 'Dr eve' } });
      expect(await handOff('gone', 'dan')).toEqual({ kind: 'ended', how: 'unknown' });
    });
  });
}
