// Lease relay
//
// One durable actor per bucket of the lock store. It reads the bucket's log from the cursor in its
// record and tells each event to whom it concerns, through its outbox: in log order per receiver,
// over crashes too, each with its log id, by which a receiver knows what it has had.
//
//   LR1  Cursor and outbox change in one commit: no event is passed over, none is told under two
//        numbers.
//   LR2  It reads when the log hints, and every second without one; while nothing concerns
//        anybody, it commits nothing.
//   LR3  Where the log has lost events it tells how the leases stand now, so that everybody whom it
//        has told of a grant ends up right.

import type { Clock, Holder, LoggedLockEvent, LogId, LogPage } from '@devmentor/locks';
import { assign, enqueueActions, setup } from 'xstate';
import type { Address } from './actor-id.ts';
import { type ActorType, type ActorTypes, defineActor } from './define-actor.ts';
import { durable } from './durable.ts';
import { type EventData, tell } from './effect.ts';
import { follow, type SurveyedLocks, survey, type ToldGrant } from './lease-survey.ts';

/** Who is told an event of the lock log, and as what. */
export interface Concern {
  readonly to: Address;
  readonly event: EventData;
}

/** Which lock events become events of which actors. */
export interface LeaseRelayOptions {
  /** An opened lock manager. */
  readonly locks: SurveyedLocks;
  readonly clock: Clock;
  /** The receivers of an event, none for one that concerns nobody. Pure. */
  readonly concerns: (event: LoggedLockEvent) => readonly Concern[];
}

/** What the relay has read up to, and told of. */
interface Progress {
  readonly cursor: LogId | 'start';
  readonly grants: Readonly<Record<string, ToldGrant>>;
}

interface Page extends Progress {
  readonly concerns: readonly Concern[];
}

interface RelayContext extends Progress {
  readonly bucket: number;
}

/** The type of the actors that `leaseRelay` makes. */
export const LEASE_RELAY = 'lease-relay';

const PAGE = 64;
const QUIET_MS = 1_000;
/** So many events that concern nobody are worth a commit, not to be read again after a crash. */
const SKIPPED = 1_000;

/** The relays of one lock store; one of them is kept active for each bucket. */
export function leaseRelay(
  options: LeaseRelayOptions,
): ActorType<typeof LEASE_RELAY, ActorTypes & { readonly context: RelayContext }> {
  const machine = setup({
    types: {} as { context: RelayContext; input: { readonly bucket: number } },
    actors: {
      tail: durable('tail', ({ input, signal }: { readonly input: RelayContext; readonly signal: AbortSignal }) =>
        tail(options, input, signal),
      ),
    },
    delays: { quiet: QUIET_MS },
  }).createMachine({
    id: LEASE_RELAY,
    context: ({ input }) => ({ bucket: input.bucket, cursor: 'start', grants: {} }),
    initial: 'tailing',
    states: {
      tailing: {
        invoke: {
          id: 'tail',
          src: 'tail',
          input: ({ context }) => context,
          onDone: {
            target: 'tailing',
            reenter: true,
            actions: [
              assign({ cursor: ({ event }) => event.output.cursor, grants: ({ event }) => event.output.grants }),
              enqueueActions(({ event, enqueue }) => {
                for (const { to, event: told } of event.output.concerns) enqueue(tell(to.type, to.key, told));
              }),
            ],
          },
          onError: 'pausing',
        },
      },
      pausing: { after: { quiet: 'tailing' } },
    },
  });
  return defineActor(LEASE_RELAY, {
    machine,
    input: (key) => ({ bucket: Number(key) }),
    resident: Array.from({ length: options.locks.log.buckets }, (_, bucket) => String(bucket)),
  });
}

/** Resolves with the next events that concern somebody. */
async function tail(
  { locks, clock, concerns }: LeaseRelayOptions,
  { bucket, cursor: from, grants: told }: RelayContext,
  signal: AbortSignal,
): Promise<Page> {
  let wake = (): void => {};
  let hinted = false;
  const hint = (): void => {
    hinted = true;
    wake();
  };
  const unsubscribe = locks.log.onHint(bucket, hint);
  signal.addEventListener('abort', hint, { once: true });
  try {
    const grants = new Map(Object.entries(told));
    let skipped = 0;
    for (let cursor = from; ; ) {
      signal.throwIfAborted();
      hinted = false;
      const page = await locks.log.read(bucket, cursor, PAGE);
      const isMissing = page.gap || (cursor === 'start' && skipped === 0 && page.events[0]?.prev !== '');
      const missed = isMissing ? await survey(locks, bucket, grants, idOfGap(page, cursor)) : [];
      cursor = page.next;
      const found: Concern[] = [];
      for (const event of [...missed, ...page.events]) {
        const concerned = concerns(event);
        if (concerned.length > 0) follow(grants, event);
        found.push(...concerned);
      }
      skipped += page.events.length;
      if (found.length > 0 || skipped >= SKIPPED)
        return { concerns: found, cursor, grants: Object.fromEntries(grants) };
      if (page.events.length > 0 || hinted) continue;
      await new Promise<void>((resolve) => {
        const cancel = clock.background(QUIET_MS, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
    }
  } finally {
    unsubscribe();
  }
}

/** After everything that was told before the gap, and before everything after it. */
function idOfGap({ events, next }: LogPage, cursor: LogId | 'start'): LogId {
  const before = cursor === 'start' ? '' : cursor;
  const lost = events[0]?.prev ?? (next === 'start' ? '' : next);
  return lost > before ? lost : (BigInt(before || 0) + 1n).toString().padStart(16, '0');
}

/** An event of the lock log as actors are told it. */
export function leaseEvent(event: LoggedLockEvent): EventData {
  // The lease's secret name stays in the lock store.
  const { resource, type, gen, holder, instance, fence, atMs, ttlMs, untilMs } = event;
  const { how, reason, by, from, takeoverId } = event;
  return {
    type: 'lease.event',
    logId: event.id,
    event: {
      type,
      resource,
      gen,
      holder: person(holder),
      instance,
      fence,
      atMs,
      ttlMs,
      untilMs,
      ...(how === undefined ? {} : { how }),
      ...(reason === undefined ? {} : { reason }),
      ...(by === undefined ? {} : { by: person(by) }),
      ...(from === undefined ? {} : { from: person(from) }),
      ...(takeoverId === undefined ? {} : { takeoverId }),
    },
  };
}

function person({ id, name }: Holder): { readonly id: string; readonly name?: string } {
  return { id, ...(name === undefined ? {} : { name }) };
}

/** The usual mapping: events of `<type>:<key>` resources to that actor and to the lease's own. */
export function concernsOf(types: readonly string[]): LeaseRelayOptions['concerns'] {
  return (event) => {
    const colon = event.resource.indexOf(':');
    const type = event.resource.slice(0, colon);
    if (colon === -1 || !types.includes(type)) return [];
    const told = leaseEvent(event);
    return [
      { to: { type, key: event.resource.slice(colon + 1) }, event: told },
      { to: { type: 'lease', key: event.resource }, event: told },
    ];
  };
}
