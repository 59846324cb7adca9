// Takeovers
//
// Asking somebody for the project he holds. The asking is kept with the lease: one at a time, before
// the queue, answered by the holder on any server, or by his silence. Who asked and was granted
// claims the project as ever and is given that grant: a claim is one per user and instance.
//
//   TO1  A free project, and one that is the caller's own already, is granted at once.
//   TO2  The holder answers or keeps silent, which grants; who asked may withdraw until then. To ask
//        again, from the same instance, is the same asking; twice at once with the same key, the
//        second is to wait for the first.
//   TO3  Only the owner of the project may take a claim by force; the log says so, and why.
//   TO4  A server that leaves withdraws what was asked through it, and so does a client that hangs up
//        before it has heard that the holder is asked.
import type { TakeoverAnswer, TakeoverRequest } from '@devmentor/contracts';
import type { Breaking, Clock, HeldView, LockManager } from '@devmentor/locks';
import { inProgress } from '../http/idempotency.ts';
import { Problem, toProblem } from '../problem.ts';
import { ended, locked } from './claim-views.ts';
import { type Claimant, type Claimed, type Claims, resourceOf } from './claims.ts';
import type { ProjectState } from './project.ts';
import { timeText } from './wire.ts';

/** How long a holder has to answer. */
const ANSWER_MS = 30_000;

export interface TakeoversOptions {
  readonly locks: LockManager;
  readonly claims: Claims;
  readonly clock: Clock;
  /** Throws NOT_FOUND when the project does not exist for this user. */
  readonly visible: (userId: string, projectId: string) => Promise<ProjectState>;
  readonly onFault: (fault: unknown) => void;
}

export interface TakeoverAsked {
  readonly instanceId: string;
  readonly ttlMs: number;
  readonly force: boolean;
  readonly reason?: string | undefined;
  /** A repetition is the same asking. */
  readonly requestId?: string;
  readonly signal: AbortSignal;
}

type Taken = Claimed | { readonly asked: TakeoverRequest };
type Outcome = Awaited<ReturnType<LockManager['requestTakeover']>>;

export class Takeovers {
  readonly #with: TakeoversOptions;
  /** Requests that have not been answered yet. */
  readonly #beingAsked = new Set<string>();

  constructor(options: TakeoversOptions) {
    this.#with = options;
  }

  async take(claimant: Claimant, projectId: string, asked: TakeoverAsked): Promise<Taken> {
    const { requestId } = asked;
    if (requestId === undefined) return await this.#take(claimant, projectId, asked);
    if (this.#beingAsked.has(requestId)) throw inProgress();
    this.#beingAsked.add(requestId);
    try {
      return await this.#take(claimant, projectId, asked);
    } finally {
      this.#beingAsked.delete(requestId);
    }
  }

  async #take(claimant: Claimant, projectId: string, asked: TakeoverAsked): Promise<Taken> {
    const { locks, visible } = this.#with;
    const { ownerId } = await visible(claimant.userId, projectId);
    const resource = resourceOf(projectId);
    const { instanceId, ttlMs, reason, requestId, signal } = asked;
    const view = await locks.inspect(resource);
    if (view.kind === 'held' && view.holder.id === claimant.userId && view.instance === instanceId)
      return await this.#with.claims.claim(claimant, projectId, { instanceId, ttlMs, waitMs: 0, signal });
    if (asked.force && ownerId !== claimant.userId)
      throw new Problem('FORBIDDEN', 'only the owner of the project may take a claim by force');
    const { breaking } = view.kind === 'held' ? view : {};
    if (breaking?.by.id === claimant.userId && breaking.instance === instanceId && !asked.force)
      return { asked: this.#request(projectId, breaking, 'pending') };
    const taker = {
      by: { id: claimant.userId, name: claimant.displayName },
      instance: instanceId,
      ttlMs,
      renew: 'manual' as const,
      ...(requestId !== undefined && { requestId }),
    };
    if (asked.force) {
      const outcome = await locks.force(resource, { ...taker, reason: reason ?? 'by the owner' });
      return await this.#settled(claimant, projectId, asked, outcome);
    }
    const first = await new Promise<Breaking | Outcome>((resolve, reject) => {
      // Once the holder is asked it is his turn: what comes of it is in the lease and in its events.
      let isAsked = false;
      const onAsked = (breaking: Breaking): void => {
        isAsked = true;
        resolve(breaking);
      };
      locks
        .requestTakeover(resource, {
          ...taker,
          graceMs: ANSWER_MS,
          signal,
          onAsked,
          ...(reason !== undefined && { reason }),
        })
        .then(resolve, (fault: unknown) => {
          if (isAsked && !signal.aborted) this.#with.onFault(fault);
          reject(fault);
        });
    });
    return 'kind' in first
      ? await this.#settled(claimant, projectId, asked, first)
      : { asked: this.#request(projectId, first, 'pending') };
  }

  async answer(
    userId: string,
    projectId: string,
    takeoverId: string,
    { answer, reason }: TakeoverAnswer,
  ): Promise<TakeoverRequest> {
    const { view, asked } = await this.#asked(userId, projectId, takeoverId);
    if (view.holder.id !== userId) throw new Problem('FORBIDDEN', 'only who holds the claim may answer');
    if (view.leaseId === undefined) throw ended();
    const outcome = await this.#with.locks.answerTakeover({
      resource: view.resource,
      leaseId: view.leaseId,
      takeoverId: asked.takeoverId,
      ...(answer === 'grant' ? { answer } : { answer, ...(reason !== undefined && { reason }) }),
    });
    switch (outcome.kind) {
      case 'handed-over':
      case 'draining':
        return this.#request(projectId, asked, 'granted');
      case 'denied':
        return this.#request(projectId, asked, 'denied');
      case 'not-asked':
        throw nobodyAsks();
      case 'ended':
        throw ended();
      case 'unavailable':
        throw toProblem(outcome.cause);
    }
  }

  async withdraw(userId: string, projectId: string, takeoverId: string): Promise<void> {
    const { view, asked } = await this.#asked(userId, projectId, takeoverId);
    // To others it is as if there were none.
    if (asked.by.id !== userId) throw nobodyAsks();
    const outcome = await this.#with.locks.withdrawTakeover({ resource: view.resource, takeoverId: asked.takeoverId });
    if (outcome.kind === 'unavailable') throw toProblem(outcome.cause);
    if (outcome.kind === 'not-asked') throw nobodyAsks();
  }

  async #asked(userId: string, projectId: string, takeoverId: string): Promise<{ view: HeldView; asked: Breaking }> {
    await this.#with.visible(userId, projectId);
    const view = await this.#with.locks.inspect(resourceOf(projectId), { withLeaseId: true });
    if (view.kind === 'free' || view.breaking?.takeoverId !== takeoverId) throw nobodyAsks();
    return { view, asked: view.breaking };
  }

  async #settled(claimant: Claimant, projectId: string, asked: TakeoverAsked, outcome: Outcome): Promise<Claimed> {
    switch (outcome.kind) {
      case 'granted':
        return await this.#with.claims.granted(claimant, projectId, asked, outcome);
      case 'unavailable':
        throw toProblem(outcome.cause);
      case 'gone':
        throw ended();
      case 'denied':
      case 'busy':
        throw await this.#refused(claimant, projectId, asked, outcome.retryAfterMs);
      case 'withdrawn':
        throw await this.#refused(claimant, projectId, asked, 0);
    }
  }

  /** By the holder, or since another asks already. */
  async #refused(
    { userId }: Claimant,
    projectId: string,
    { instanceId }: TakeoverAsked,
    retryAfterMs: number,
  ): Promise<Problem> {
    const view = await this.#with.locks.inspect(resourceOf(projectId));
    if (view.kind === 'held') return locked(view, userId, instanceId, { retryAfterMs });
    return new Problem('RESOURCE_LOCKED', 'the project was passed on meanwhile', { retryAfterMs });
  }

  #request(projectId: string, asked: Breaking, state: TakeoverRequest['state']): TakeoverRequest {
    const nowMs = this.#with.clock.wallMs();
    return {
      requestId: asked.takeoverId,
      projectId,
      requestedBy: { userId: asked.by.id, displayName: asked.by.name ?? asked.by.id },
      ...(asked.reason !== undefined && { reason: asked.reason }),
      state,
      expiresAt: timeText(asked.answerByMs),
      remainingMs: Math.max(0, Math.floor(asked.answerByMs - nowMs)),
    };
  }
}

function nobodyAsks(): Problem {
  return new Problem('NOT_FOUND', 'nobody asks under this name, or not any more');
}
