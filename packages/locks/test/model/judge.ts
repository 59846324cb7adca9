// Judge
//
// The model: what a lease store may do, in as little as it takes to say. It is told every
// command that reached the store, what was answered, and what the log says happened, and
// objects to what the rules forbid. It shares no code with the store.
import type { LeaseCommand, LoggedLockEvent, Reply } from './product.ts';

interface Current {
  readonly leaseId: string;
  readonly requestId: string;
  readonly party: string;
  readonly fence: string;
  untilMs: number;
  offered: boolean;
}

interface Waiter {
  readonly requestId: string;
  readonly leaseId: string;
  deadMs: number;
}

/** A takeover that was asked for and is not over. */
interface Asking {
  readonly requestId: string;
  readonly leaseId: string;
  readonly grantedByMs: number;
  drainedByMs: number;
}

class Resource {
  current: Current | undefined;
  queue: Waiter[] = [];
  asking: Asking | undefined;
  /** Who asked for the lease that ended in this very step. */
  heir: Asking | undefined;
  readonly granted = new Set<string>();
  readonly ended = new Set<string>();
}

export class Judge {
  readonly grants: { readonly resource: string; readonly leaseId: string; readonly fence: string }[] = [];
  readonly #tell: (objection: string) => void;
  readonly #highest = new Map<string, string>();
  #resources = new Map<string, Resource>();

  constructor(object: (objection: string) => void) {
    this.#tell = object;
  }

  #object(objection: string): undefined {
    this.#tell(objection);
  }

  current(resource: string): Readonly<Current> | undefined {
    return this.#of(resource).current;
  }

  /** The store lost all it knew; fences go on rising all the same. */
  forget(): void {
    this.#resources = new Map();
  }

  took(command: LeaseCommand, reply: Reply, events: readonly LoggedLockEvent[], nowMs: number): void {
    const resource = this.#of(command.resource);
    // Who repeats a request keeps its place, unless it died at the head of the queue.
    const alive = resource.queue.findIndex(({ deadMs }) => deadMs > nowMs);
    const dead = resource.queue.slice(0, alive < 0 ? resource.queue.length : alive);
    for (const event of events) this.#happened(event, command, nowMs);
    resource.queue = resource.queue.filter((waiter) => !dead.includes(waiter));
    this.#of(command.resource).heir = undefined;
    this.#answered(this.#of(command.resource), command, reply, nowMs);
    this.#settled(command.resource, nowMs);
  }

  swept(events: readonly LoggedLockEvent[], nowMs: number): undefined {
    for (const event of events) this.#happened(event, undefined, nowMs);
    for (const resource of this.#resources.values()) resource.heir = undefined;
  }

  #happened(event: LoggedLockEvent, by: LeaseCommand | undefined, nowMs: number): undefined {
    const resource = this.#of(event.resource);
    const { current } = resource;
    const isCurrent = current?.leaseId === event.leaseId && current.fence === event.fence;
    switch (event.type) {
      case 'claimed':
      case 'taken-over':
        if (current !== undefined && isCurrent && current.offered) {
          current.offered = false;
          current.untilMs = event.untilMs;
          return;
        }
        if ((by?.kind !== 'request' && by?.kind !== 'takeover') || by.leaseId !== event.leaseId)
          return this.#object('a grant that nobody asked for');
        if (live(resource, nowMs) !== undefined && !(by.kind === 'takeover' && by.force))
          this.#object('a newcomer passed those who wait');
        return this.#grant(resource, event, by.requestId, false);
      case 'offered': {
        const waiter = [...resource.queue, ...(resource.heir === undefined ? [] : [resource.heir])].find(
          ({ leaseId }) => leaseId === event.leaseId,
        );
        const isGiven = by?.kind === 'hand-off' && by.nextLeaseId !== undefined;
        const next = resource.heir ?? live(resource, nowMs);
        if (!isGiven && next?.leaseId !== event.leaseId) this.#object('an offer out of turn');
        if (isGiven && waiter === undefined && by.nextLeaseId !== event.leaseId) this.#object('an offer to a stranger');
        const requestId = waiter?.requestId ?? (isGiven ? by.nextRequestId : '');
        resource.queue = resource.queue.filter((one) => one.requestId !== requestId && (isGiven || one.deadMs > nowMs));
        return this.#grant(resource, event, requestId, true);
      }
      case 'expired':
      case 'released': {
        if (current === undefined || !isCurrent) return this.#object(`${event.type}, of a lease that is not held`);
        const { asking } = resource;
        const isAsked =
          ((by?.kind === 'release' || by?.kind === 'answer' || by?.kind === 'hand-off') &&
            by.leaseId === event.leaseId) ||
          (by?.kind === 'cancel' && by.requestId === current.requestId) ||
          (by?.kind === 'takeover' && by.force);
        const isTime = asking !== undefined && Math.min(asking.grantedByMs, asking.drainedByMs) <= nowMs;
        if (event.type === 'released' && !isAsked && !isTime) this.#object('a release that its holder did not ask for');
        if (event.type === 'expired' && current.untilMs > nowMs) this.#object('a lapse before its time');
        resource.ended.add(current.requestId);
        resource.current = undefined;
        resource.asking = undefined;
        resource.heir = asking;
        return;
      }
      case 'takeover-requested':
        if (!isCurrent || resource.asking !== undefined || by?.kind !== 'takeover')
          return this.#object('a takeover that cannot be asked for');
        resource.asking = {
          requestId: by.requestId,
          leaseId: by.leaseId,
          grantedByMs: by.onSilence === 'grant' ? nowMs + by.graceMs : Number.POSITIVE_INFINITY,
          drainedByMs: Number.POSITIVE_INFINITY,
        };
        return;
      case 'takeover-denied':
        if (resource.asking === undefined) return this.#object('a denial of what nobody asked for');
        if (event.how !== 'lapsed') resource.ended.add(resource.asking.requestId);
        resource.asking = undefined;
        return;
      default:
        return this.#object(`an event that was not expected: ${event.type}`);
    }
  }

  #grant(resource: Resource, event: LoggedLockEvent, requestId: string, offered: boolean): undefined {
    const { leaseId, fence, untilMs } = event;
    if (resource.current !== undefined) this.#object('a grant while another holds');
    resource.heir = undefined;
    if (fence <= (this.#highest.get(event.resource) ?? '')) this.#object('a fence that does not rise');
    if (resource.granted.has(requestId)) this.#object('a second grant for one request');
    if (resource.ended.has(requestId)) this.#object('a grant for a request that is gone');
    this.#highest.set(event.resource, fence);
    resource.granted.add(requestId);
    resource.current = { leaseId, requestId, party: partyOf(event), fence, untilMs, offered };
    this.grants.push({ resource: event.resource, leaseId, fence });
  }

  #answered(resource: Resource, command: LeaseCommand, reply: Reply, nowMs: number): undefined {
    const { current, ended } = resource;
    if (command.kind === 'request') {
      const { requestId, leaseId } = command;
      const isGone = ended.has(requestId);
      if (isGone !== (reply.kind === 'gone'))
        this.#object(`a request is ${isGone ? '' : 'not '}gone, and is answered ${reply.kind}`);
      if (
        reply.kind === 'granted' &&
        (current?.leaseId !== leaseId || !('fence' in reply) || current.fence !== reply.fence)
      )
        this.#object('granted, and not by the log');
      if (reply.kind === 'held' && current?.requestId !== requestId && current?.party !== partyOf(command))
        this.#object('a stranger is told that it holds');
      const at = resource.queue.findIndex((waiter) => waiter.requestId === requestId);
      if (reply.kind !== 'queued') resource.queue = resource.queue.filter((waiter) => waiter.requestId !== requestId);
      else if (at < 0) resource.queue.push({ requestId, leaseId, deadMs: nowMs + command.waitMs });
      else (resource.queue[at] as Waiter).deadMs = nowMs + command.waitMs;
    }
    if (command.kind === 'renew') {
      if (reply.kind === 'renewed' && (current?.leaseId !== command.leaseId || current.fence !== reply.view.fence))
        return this.#object('a renewal of what is not held');
      if (reply.kind === 'ended' && current?.leaseId === command.leaseId)
        this.#object('a holder is told that it ended');
      if (current !== undefined && reply.kind === 'renewed') current.untilMs = reply.view.untilMs;
    }
    if (command.kind === 'takeover') {
      if (reply.kind === 'granted' && current?.leaseId !== command.leaseId)
        this.#object('taken over, and not by the log');
      if (reply.kind === 'asked' && resource.asking?.requestId !== command.requestId)
        this.#object('told to wait, and not in the log');
      if (reply.kind === 'gone' && !ended.has(command.requestId)) this.#object('a takeover that is not gone');
      if (reply.kind === 'held' && current?.requestId !== command.requestId && current?.party !== partyOf(command))
        this.#object('a stranger is told that it holds');
    }
    if (
      command.kind === 'answer' &&
      reply.kind === 'draining' &&
      current !== undefined &&
      resource.asking !== undefined
    ) {
      current.untilMs = reply.view.untilMs;
      resource.asking.drainedByMs = reply.view.breaking?.drainUntilMs ?? Number.POSITIVE_INFINITY;
      if (current.untilMs > resource.asking.drainedByMs) this.#object('a term beyond the drain');
    }
    if (command.kind === 'cancel') {
      ended.add(command.requestId);
      resource.queue = resource.queue.filter(({ requestId }) => requestId !== command.requestId);
    }
  }

  #settled(name: string, nowMs: number): void {
    const resource = this.#of(name);
    if (resource.current !== undefined && resource.current.untilMs <= nowMs)
      this.#object('a lapsed lease is still held');
    if (resource.current === undefined && live(resource, nowMs) !== undefined) this.#object('free, and somebody waits');
  }

  #of(name: string): Resource {
    const resource = this.#resources.get(name) ?? new Resource();
    this.#resources.set(name, resource);
    return resource;
  }
}

/** The first who waits and is alive. */
function live(resource: Resource, nowMs: number): Waiter | undefined {
  return resource.queue.find(({ deadMs }) => deadMs > nowMs);
}

function partyOf({
  holder,
  instance,
}: {
  readonly holder: { readonly id: string };
  readonly instance: string;
}): string {
  return JSON.stringify([holder.id, instance]);
}
