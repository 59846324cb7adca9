// Lease actor
//
// The statechart of one resource's lease, for people to watch. The truth is the lock record; this
// actor is kept in memory only, is told the lease's events, and looks at the record again after
// each and when the term should have ended. A second one of it does no harm: it decides nothing.
//
//   LA1  It follows the record: whatever it was told or not, it shows what it last read there.
//   LA2  It looks again at `until`, so it shows a lapse that it was not told of.
//   LA3  Nobody is told of a first attachment: while there is none it looks again, ever less often.

import type { Holder, LeaseView, LockManager } from '@devmentor/locks';
import { assign, raise, setup } from 'xstate';
import { type ActorType, type ActorTypes, defineActor } from './define-actor.ts';
import { durable } from './durable.ts';
import type { Json } from './state-store.ts';

/** What an actor of `leaseActor` has last seen of its resource. */
export interface LeaseContext {
  readonly resource: string;
  readonly holder: Holder | null;
  readonly instance: string | null;
  readonly fence: string | null;
  /** Which connection of the lease an order would be for. */
  readonly gen: number;
  readonly untilMs: number | null;
  readonly queue: number;
  /** How the lease before ended, while that is remembered. */
  readonly endedHow: string | null;
  /** After how long to look again. */
  readonly lookAgainMs: number | null;
  /** How often in a row no connection was found. */
  readonly looksInVain: number;
}

export type LeaseEvent = {
  readonly type: 'lease.event';
  readonly logId: string;
  readonly event: { readonly type: string; readonly [key: string]: Json };
};
type SeenEvent = {
  readonly type: 'seen';
  readonly as: 'free' | 'ended' | 'offered' | 'unattached' | 'attached' | 'away';
};

/** The types that a reference to a lease actor shows. */
export type LeaseActorTypes = ActorTypes & { readonly context: LeaseContext; readonly event: LeaseEvent | SeenEvent };

/** The store's clock decides a lapse; a look just after it should see it. */
const GRACE_MS = 50;
/** Doubled with each look in vain. */
const FIRST_LOOK_MS = 250;

/** The actor type `lease`; its key is the resource. */
export function leaseActor(options: {
  readonly locks: Pick<LockManager, 'inspect'>;
}): ActorType<'lease', LeaseActorTypes> {
  const machine = setup({
    types: {} as { context: LeaseContext; events: LeaseEvent | SeenEvent; input: { readonly resource: string } },
    actors: {
      inspect: durable('inspect', ({ input }: { readonly input: { readonly resource: string } }) =>
        options.locks.inspect(input.resource),
      ),
    },
    delays: { until: ({ context }) => context.lookAgainMs ?? 0, soon: 1_000 },
    guards: {
      isHeld: ({ context }) => context.lookAgainMs !== null,
      told: ({ event }, types: readonly string[]) => event.type === 'lease.event' && types.includes(event.event.type),
      seen: ({ event }, as: SeenEvent['as']) => event.type === 'seen' && event.as === as,
    },
  }).createMachine({
    id: 'lease',
    context: ({ input }) => ({
      resource: input.resource,
      holder: null,
      instance: null,
      fence: null,
      gen: 0,
      untilMs: null,
      queue: 0,
      endedHow: null,
      lookAgainMs: null,
      looksInVain: 0,
    }),
    type: 'parallel',
    states: {
      lease: {
        initial: 'free',
        on: {
          'lease.event': [
            { guard: { type: 'told', params: ['claimed', 'taken-over'] }, target: '.held' },
            { guard: { type: 'told', params: ['offered'] }, target: '.offered' },
            { guard: { type: 'told', params: ['back'] }, target: '.held.attached' },
            { guard: { type: 'told', params: ['away'] }, target: '.held.away' },
            { guard: { type: 'told', params: ['released', 'expired'] }, target: '.ended' },
          ],
          seen: [
            { guard: { type: 'seen', params: 'free' }, target: '.free' },
            { guard: { type: 'seen', params: 'ended' }, target: '.ended' },
            { guard: { type: 'seen', params: 'offered' }, target: '.offered' },
            { guard: { type: 'seen', params: 'attached' }, target: '.held.attached' },
            { guard: { type: 'seen', params: 'away' }, target: '.held.away' },
            { guard: { type: 'seen', params: 'unattached' }, target: '.held.unattached' },
          ],
        },
        states: {
          free: {},
          offered: {},
          held: { initial: 'unattached', states: { unattached: {}, attached: {}, away: {} } },
          ended: {},
        },
      },
      sight: {
        initial: 'looking',
        on: { 'lease.event': { target: '.looking', actions: assign({ looksInVain: 0 }) } },
        states: {
          looking: {
            invoke: {
              id: 'inspect',
              src: 'inspect',
              input: ({ context }) => ({ resource: context.resource }),
              onDone: {
                target: 'showing',
                actions: [
                  assign(({ context, event }) => shown(event.output, context.looksInVain)),
                  raise(({ event }) => ({ type: 'seen', as: seenAs(event.output) })),
                ],
              },
              onError: 'blind',
            },
          },
          showing: { always: [{ guard: 'isHeld', target: 'waiting' }, { target: 'resting' }] },
          waiting: { after: { until: 'looking' } },
          resting: {},
          blind: { after: { soon: 'looking' } },
        },
      },
    },
  });
  return defineActor('lease', { machine, durable: false, input: (resource) => ({ resource }) });
}

function shown(view: LeaseView, looksInVain: number): Omit<LeaseContext, 'resource'> {
  if (view.kind === 'free') {
    return {
      holder: null,
      instance: null,
      fence: view.last?.fence ?? null,
      gen: 0,
      untilMs: null,
      queue: view.queue,
      endedHow: view.last?.how ?? null,
      lookAgainMs: null,
      looksInVain: 0,
    };
  }
  const { holder, instance, fence, gen, untilMs, queue, remainingMs } = view;
  const endsMs = Math.max(0, remainingMs) + GRACE_MS;
  const isUnattached = view.link.kind === 'none';
  return {
    holder,
    instance,
    fence,
    gen,
    untilMs,
    queue,
    endedHow: null,
    lookAgainMs: isUnattached ? Math.min(endsMs, FIRST_LOOK_MS * 2 ** looksInVain) : endsMs,
    looksInVain: isUnattached ? looksInVain + 1 : 0,
  };
}

function seenAs(view: LeaseView): SeenEvent['as'] {
  if (view.kind === 'free') return view.last === undefined ? 'free' : 'ended';
  if (view.offered) return 'offered';
  return view.link.kind === 'none' ? 'unattached' : view.link.kind;
}
