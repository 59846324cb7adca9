// Claims
//
// Who may write a project, now. The lock record is the truth about who holds it; the project's
// guard is what turns a stale write away in the same write that it would have been.
//
//   C1  A claim is answered only after the guard is at its fence: from then on every older
//       fence is refused, even if the new holder never writes. If the guard cannot be raised,
//       a new grant is given back and nobody is told of it.
//   C2  A writer's right is taken from the guard first and the lease second. A claim answered in
//       between raises the guard, and the commit refuses the write.
//   C3  A claim token is opened with our key, for its own user and project; anything else is
//       NOT_FOUND and changes nothing.
import type { ClaimRequest, ClaimToken, ProjectLease, ReleaseResult } from '@devmentor/contracts';
import { limits } from '@devmentor/contracts';
import {
  type Clock,
  expectedWaitMs,
  type FencingToken,
  type HeldView,
  type Lease,
  type LeaseView,
  type LockManager,
  parseFence,
} from '@devmentor/locks';
import type { ActorId, StateStore } from '@devmentor/runtime';
import type { Caller } from '../auth/access-tokens.ts';
import { Problem, toProblem } from '../problem.ts';
import type { ClaimSeal, SealedClaim } from './claim-seal.ts';
import { ended, locked, seen, stale, stateOf } from './claim-views.ts';
import { timeText } from './wire.ts';

/** Who claims: a user at one of his instances. */
export type Claimant = Pick<Caller, 'userId' | 'displayName'>;

export interface ClaimsOptions {
  readonly locks: LockManager;
  readonly state: Pick<StateStore, 'admit' | 'guard'>;
  readonly seal: ClaimSeal;
  readonly clock: Clock;
  /** Throws NOT_FOUND when the project does not exist for this user. */
  readonly expectVisible: (userId: string, projectId: string) => Promise<unknown>;
}

/** What a write must carry to be let in. */
export interface WriteRight {
  readonly fence: FencingToken;
  /** `claim`: the writer's own; `open`: nobody held it when it was read. */
  readonly by: 'claim' | 'open';
}

export type Claimed = { readonly grant: ClaimToken; readonly fresh: boolean; readonly lease: Lease };

export class Claims {
  readonly #with: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#with = options;
  }

  async claim(
    claimant: Claimant,
    projectId: string,
    request: ClaimRequest & { readonly requestId?: string; readonly signal?: AbortSignal },
  ): Promise<Claimed> {
    const { locks, expectVisible } = this.#with;
    if (request.userId !== undefined && request.userId !== claimant.userId)
      throw new Problem('USER_MISMATCH', 'a claim is made for the caller only');
    await expectVisible(claimant.userId, projectId);
    const outcome = await locks.tryAcquire(resourceOf(projectId), {
      holder: { id: claimant.userId, name: claimant.displayName },
      instance: request.instanceId,
      ttlMs: request.ttlMs,
      waitMs: request.waitMs,
      renew: 'manual',
      ...(request.purpose !== undefined && { meta: { purpose: request.purpose } }),
      ...(request.requestId !== undefined && { requestId: request.requestId }),
      ...(request.signal !== undefined && { signal: request.signal }),
    });
    switch (outcome.kind) {
      case 'busy':
        // Who may not see the project any more does not hear who holds it.
        if (outcome.why === 'waited') await expectVisible(claimant.userId, projectId);
        throw locked(outcome.current, claimant.userId, request.instanceId, {
          retryAfterMs: outcome.retryAfterMs,
          ...(outcome.why === 'waited' && { queuePosition: outcome.position }),
        });
      case 'gone':
        throw new Problem('CLAIM_EXPIRED', 'the claim this key was used for has ended');
      case 'unavailable':
        throw toProblem(outcome.cause);
      case 'granted':
        return await this.granted(claimant, projectId, request, outcome);
    }
  }

  /** C1, however the lease came to the claimant. */
  async granted(
    claimant: Claimant,
    projectId: string,
    request: { readonly instanceId: string; readonly signal?: AbortSignal },
    { lease, fresh }: { readonly lease: Lease; readonly fresh: boolean },
  ): Promise<Claimed> {
    await this.#admit(claimant, projectId, request, { lease, fresh });
    return { grant: this.grantOf(lease, claimant, projectId), fresh, lease };
  }

  async release(claimant: Claimant | 'anybody', projectId: string | 'any', claimToken: string): Promise<ReleaseResult> {
    const claim = this.open(claimant, projectId, claimToken);
    const outcome = await this.#with.locks.release({ resource: resourceOf(claim.projectId), leaseId: claim.leaseId });
    if (outcome.kind !== 'unknown') return { outcome: outcome.kind };
    if (outcome.cause !== undefined) throw toProblem(outcome.cause);
    return { outcome: 'already' };
  }

  async renew(
    claimant: Claimant,
    projectId: string,
    { claimToken, ttlMs }: { readonly claimToken: string; readonly ttlMs?: number | undefined },
  ): Promise<ClaimToken> {
    const claim = this.open(claimant, projectId, claimToken);
    await this.#with.expectVisible(claimant.userId, projectId);
    const outcome = await this.#with.locks.renew({
      resource: resourceOf(projectId),
      leaseId: claim.leaseId,
      ...(ttlMs !== undefined && { ttlMs }),
    });
    if (outcome.kind === 'unavailable') throw toProblem(outcome.cause);
    if (outcome.kind === 'ended') throw ended();
    return this.grantOfView(outcome.view, claim, claimToken);
  }

  /** The holder's page is going: the claim ends after the grace unless it comes back. Whoever has the token may say so. */
  async detach(projectId: string | 'any', claimToken: string, gen?: number): Promise<void> {
    const claim = this.open('anybody', projectId, claimToken);
    const outcome = await this.#with.locks.away({
      resource: resourceOf(claim.projectId),
      leaseId: claim.leaseId,
      graceMs: limits.claimGraceMs,
      ...(gen !== undefined && { gen }),
    });
    if (outcome.kind === 'unavailable') throw toProblem(outcome.cause);
  }

  async lease(userId: string, projectId: string, instanceId?: string): Promise<ProjectLease> {
    await this.#with.expectVisible(userId, projectId);
    const view = await this.#with.locks.inspect(resourceOf(projectId));
    const serverTime = timeText(this.#with.clock.wallMs());
    if (view.kind === 'free')
      return { isLocked: false, lockedByMe: false, state: 'free', serverTime, queue: view.queue };
    const waitMs = expectedWaitMs(view);
    return {
      isLocked: true,
      lockedByMe: view.holder.id === userId,
      state: stateOf(view),
      holder: seen(view, userId, instanceId),
      expiresAt: timeText(view.untilMs),
      remainingMs: Math.max(0, Math.floor(view.remainingMs)),
      serverTime,
      queue: view.queue,
      ...(waitMs !== undefined && { expectedWaitMs: Math.floor(waitMs) }),
    };
  }

  /** C2. Throws the problem of whoever may not write. */
  async writeRight(userId: string, projectId: string, claimToken: string | undefined): Promise<WriteRight> {
    const { locks, state } = this.#with;
    const guard = await state.guard(actorIdOf(projectId));
    const view = await locks.inspect(resourceOf(projectId));
    if (claimToken !== undefined) return this.#rightOfClaim(this.open({ userId }, projectId, claimToken), guard, view);
    if (view.kind === 'free') return { fence: guard, by: 'open' };
    if (view.holder.id === userId)
      throw new Problem('CLAIM_REQUIRED', 'you hold the claim of this project; send its X-Claim-Token');
    throw locked(view, userId, undefined, {});
  }

  #rightOfClaim(claim: SealedClaim, guard: FencingToken, view: LeaseView): WriteRight {
    const fence = parseFence(claim.fence);
    if (fence < guard) throw stale();
    if (view.kind === 'free' || view.fence !== fence) throw ended();
    return { fence, by: 'claim' };
  }

  /** The commit found a newer claim than the right it was given. */
  async refused(right: WriteRight, userId: string, projectId: string): Promise<Problem> {
    if (right.by === 'claim') return stale();
    const view = await this.#with.locks.inspect(resourceOf(projectId));
    if (view.kind === 'held') return locked(view, userId, undefined, {});
    return new Problem(
      'RESOURCE_LOCKED',
      'the project was claimed while the write was on its way, and has been released again',
      { retryAfterMs: 0 },
    );
  }

  /** Ends a claim whose holder may not have it any more, and what such a one asked the holder for. `of`: only that user's. */
  async revoke(projectId: string, of: string | 'anybody'): Promise<void> {
    const view = await this.#with.locks.inspect(resourceOf(projectId), { withLeaseId: true });
    if (view.kind === 'free') return;
    if (view.breaking !== undefined && (of === 'anybody' || view.breaking.by.id === of)) {
      const { takeoverId } = view.breaking;
      const outcome = await this.#with.locks.withdrawTakeover({ resource: view.resource, takeoverId });
      if (outcome.kind === 'unavailable') throw toProblem(outcome.cause);
      // Granted meanwhile, it is a claim like any other.
      if (outcome.kind === 'not-asked') return await this.revoke(projectId, of);
    }
    if (view.leaseId === undefined || (of !== 'anybody' && view.holder.id !== of)) return;
    const outcome = await this.#with.locks.release({ resource: view.resource, leaseId: view.leaseId, how: 'revoked' });
    if (outcome.kind === 'unknown' && outcome.cause !== undefined) throw toProblem(outcome.cause);
  }

  /** C3 */
  open(claimant: Pick<Claimant, 'userId'> | 'anybody', projectId: string | 'any', claimToken: string): SealedClaim {
    const claim = this.#with.seal.open(claimToken);
    const isTheirs =
      claim !== undefined &&
      (claimant === 'anybody' || claim.userId === claimant.userId) &&
      (projectId === 'any' || claim.projectId === projectId);
    if (!isTheirs) throw new Problem('NOT_FOUND', 'Invalid claim token');
    return claim;
  }

  grantOfView(view: HeldView, claim: SealedClaim, claimToken: string): ClaimToken {
    return {
      claimToken,
      fencingToken: view.fence,
      holder: { userId: claim.userId, displayName: view.holder.name ?? view.holder.id, instanceId: claim.instanceId },
      projectId: claim.projectId,
      grantedAt: timeText(view.grantedAtMs),
      expiresAt: timeText(view.untilMs),
      ttlMs: view.ttlMs,
      remainingMs: Math.max(0, Math.floor(view.remainingMs)),
      serverTime: timeText(this.#with.clock.wallMs()),
    };
  }

  /** C1 */
  async #admit(
    claimant: Claimant,
    projectId: string,
    request: { readonly instanceId: string; readonly signal?: AbortSignal },
    { lease, fresh }: { readonly lease: Lease; readonly fresh: boolean },
  ): Promise<void> {
    try {
      const admission = await this.#with.state.admit(actorIdOf(projectId), lease.fence);
      if (admission.kind === 'stale') throw await this.#overtaken(claimant, projectId, request.instanceId);
      // The project may have gone, or its members changed, while the claim waited.
      await this.#with.expectVisible(claimant.userId, projectId);
      request.signal?.throwIfAborted();
    } catch (error) {
      // A grant that was answered before is its holder's; only an unanswered one is taken back.
      if (fresh || (error instanceof Problem && error.code === 'NOT_FOUND')) await lease.release();
      throw error instanceof Error && error === request.signal?.reason ? error : toProblem(error);
    }
  }

  async #overtaken(claimant: Claimant, projectId: string, instanceId: string): Promise<Problem> {
    const view = await this.#with.locks.inspect(resourceOf(projectId));
    return view.kind === 'held' ? locked(view, claimant.userId, instanceId, {}) : ended();
  }

  grantOf(lease: Lease, claimant: Claimant, projectId: string): ClaimToken {
    const claim: SealedClaim = {
      projectId,
      leaseId: lease.leaseId,
      fence: lease.fence,
      userId: claimant.userId,
      instanceId: lease.instance,
    };
    return {
      claimToken: this.#with.seal.seal(claim),
      fencingToken: lease.fence,
      holder: { userId: claimant.userId, displayName: claimant.displayName, instanceId: lease.instance },
      projectId,
      grantedAt: timeText(lease.grantedAtMs),
      expiresAt: timeText(lease.untilMs),
      ttlMs: lease.ttlMs,
      remainingMs: Math.max(0, Math.floor(lease.remainingMs())),
      serverTime: timeText(this.#with.clock.wallMs()),
    };
  }
}

export function resourceOf(projectId: string): string {
  return `project:${projectId}`;
}

export function actorIdOf(projectId: string): ActorId {
  return `project:${projectId}`;
}
