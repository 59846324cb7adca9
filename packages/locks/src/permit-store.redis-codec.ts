import { unreachable } from './invariant.ts';
import { type EndedHow, fenceOf, type Holder, type JsonObject } from './lease.ts';
import type { Replies } from './lease-command.ts';
import type { PermitCommand, PermitHolding, PermitReply, PermitView } from './permit-command.ts';
import type { PermitLetter } from './permit-store.redis-script.ts';

/** What the script passes on without looking into it. */
interface Facts {
  readonly holder: Holder;
  readonly instance: string;
  readonly meta?: JsonObject;
}

/** A command as the script reads it: its letter and as many fields as `PERMIT_WIDTHS` says. */
export function toPermitWire(command: PermitCommand): {
  readonly letter: PermitLetter;
  readonly fields: readonly string[];
} {
  switch (command.kind) {
    case 'request': {
      const { requestId, leaseId, capacity, weight, holder, instance, meta, ttlMs, waitMs, listener, resource } =
        command;
      const facts = JSON.stringify({ holder, instance, meta });
      return {
        letter: 'q',
        fields: [requestId, leaseId, `${capacity}`, `${weight}`, facts, `${ttlMs}`, `${waitMs}`, listener, resource],
      };
    }
    case 'renew':
      return { letter: 'n', fields: [command.leaseId, `${command.ttlMs ?? 0}`] };
    case 'reweigh': {
      const { leaseId, weight, next } = command;
      return { letter: 'u', fields: [leaseId, `${weight}`, next.leaseId, next.requestId] };
    }
    case 'release':
      return { letter: 'r', fields: [command.leaseId, command.how, command.isByOther === true ? '1' : '0'] };
    case 'cancel':
      return { letter: 'c', fields: [command.requestId] };
    case 'inspect':
      return { letter: 'i', fields: [] };
    case 'settle':
      return { letter: 's', fields: [] };
    default:
      return unreachable(command);
  }
}

type WireView = readonly [
  leaseId: string,
  requestId: string,
  facts: string,
  weight: number,
  ttlMs: number,
  grantedAtMs: number,
  untilMs: number,
  fence: number,
  offered: 0 | 1,
  queue: number,
];
type EndedWire = Extract<Replies['renew'], { readonly kind: 'ended' }>['how'];

export type PermitWireReply =
  | readonly ['granted', fence: number, untilMs: number]
  | readonly ['held' | 'renewed' | 'lowered', WireView]
  | readonly ['queued', position: number, WireView]
  | readonly ['busy', position: number, full: 0 | 1, WireView]
  | readonly ['gone', EndedHow]
  | readonly ['ended', EndedWire]
  | readonly ['capacity', stored: number]
  | readonly ['shared', others: number]
  | readonly [
      'pool',
      permits: number,
      used: number,
      held: number,
      queue: number,
      readonly WireView[],
      readonly (readonly [facts: string, weight: number])[],
      /** None of a pool that is not remembered. */
      name: string | null | undefined,
    ]
  | readonly ['released' | 'already' | 'expired' | 'superseded' | 'unknown' | 'left' | 'returned' | 'settled'];

export function fromPermitWire(command: PermitCommand, reply: PermitWireReply, serverMs: number): PermitReply {
  const { resource } = command;
  switch (reply[0]) {
    case 'granted':
      return { kind: 'granted', fence: fenceOf(reply[1]), untilMs: reply[2], serverMs };
    case 'held':
    case 'renewed':
    case 'lowered':
      return { kind: reply[0], view: viewOf(resource, reply[1], serverMs) };
    case 'queued':
      return { kind: 'queued', position: reply[1], view: viewOf(resource, reply[2], serverMs) };
    case 'busy':
      return { kind: 'busy', position: reply[1], full: reply[2] === 1, view: viewOf(resource, reply[3], serverMs) };
    case 'gone':
      return { kind: 'gone', how: reply[1] };
    case 'ended':
      return { kind: 'ended', how: reply[1] };
    case 'capacity':
      return { kind: 'capacity', stored: reply[1] };
    case 'shared':
      return { kind: 'shared', others: reply[1] };
    case 'pool': {
      const [, permits, used, held, queue, holders, waiters, name] = reply;
      return {
        kind: 'pool',
        view: {
          // Whoever lists pools knows no more than their encoded names.
          resource: name ?? resource,
          permits,
          free: permits - used,
          held,
          queue,
          holders: holders.map((one) => holdingOf(one, serverMs)),
          waiters: waiters.map(([facts, weight]) => {
            const { holder, instance } = JSON.parse(facts) as Facts;
            return { holder, instance, weight };
          }),
          serverMs,
        },
      };
    }
    default:
      return { kind: reply[0] };
  }
}

function holdingOf(wire: WireView, serverMs: number): PermitHolding {
  const [leaseId, , facts, weight, ttlMs, grantedAtMs, untilMs, fence, offered] = wire;
  return {
    ...(JSON.parse(facts) as Facts),
    weight,
    fence: fenceOf(fence),
    ttlMs,
    grantedAtMs,
    untilMs,
    remainingMs: Math.max(0, untilMs - serverMs),
    offered: offered === 1,
    leaseId,
  };
}

function viewOf(resource: string, wire: WireView, serverMs: number): PermitView {
  const [leaseId, requestId] = wire;
  return {
    kind: 'held',
    resource,
    gen: 1,
    serverMs,
    link: { kind: 'none' },
    queue: wire[9],
    cursor: '',
    ...holdingOf(wire, serverMs),
    leaseId,
    requestId,
  };
}
