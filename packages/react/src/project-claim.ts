// ProjectClaim
//
// This tab's right to edit one project: asked for, kept, doubted, lost or given back.
//
//   PC1  A grant that arrives after it was given up is released at once.
//   PC2  A reply counts only for the claim it was asked for.
//   PC3  While attached, the server keeps the claim; alone, the client renews at a third of
//        the term. A claim that nobody could vouch for is `suspect` until somebody does.
//   PC4  A reload finds its claim again; leaving the page only lets the grace time begin.
import type { ClaimOptions, ClaimToken, EventFrame } from '@devmentor/contracts';
import { pathTo } from '@devmentor/contracts/routes';
import { type ClaimState, grantOf, type LossReason, lossOf } from './claim-state.ts';
import { type Cancel, type Clock, type Entropy, Stopwatch } from './clock.ts';
import type { LiveConnection } from './connection.ts';
import { CoordinationError, isCoordinationError } from './errors.ts';
import type { DetachReason } from './held-claims.ts';
import type { Instance } from './instance.ts';
import type { PageLifecycle } from './page-lifecycle.ts';
import type { ProjectFeed } from './project-feed.ts';
import type { ProjectServiceProxy } from './project-service-proxy.ts';
import { SnapshotStore } from './snapshot-store.ts';
import { claimKey, type KeptClaim, recall, remember, type TabStorage } from './storage.ts';

const doubtAfterMs = 5_000;
const askAgainMs = 3_000;
const safetyMs = 2_000;

/** What a claim may say about itself; the instance is the tab's. */
export type ClaimWish = Omit<ClaimOptions, 'instanceId' | 'idempotencyKey'>;

export interface ProjectClaimOptions {
  readonly projectId: string;
  readonly projects: ProjectServiceProxy;
  readonly connection: LiveConnection;
  readonly feed: ProjectFeed;
  readonly instance: Instance;
  readonly page: PageLifecycle;
  readonly storage: TabStorage | undefined;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Sends a text that outlives the page. */
  readonly farewell: (path: string, text: string) => void;
}

interface Proof {
  readonly since: Stopwatch;
  readonly goodForMs: number;
}

export class ProjectClaim {
  readonly store = new SnapshotStore<ClaimState>({ kind: 'idle' });
  readonly #options: ProjectClaimOptions;
  readonly #stops: (() => void)[];
  #generation = 0;
  #flight: Promise<ClaimToken> | undefined;
  #proof: Proof | undefined;
  #attached = false;
  #letGo: (() => void) | undefined;
  #cancelTimer: Cancel | undefined;
  #cancelDoubt: Cancel | undefined;

  constructor(options: ProjectClaimOptions) {
    this.#options = options;
    this.#stops = [
      options.feed.onEvent((event) => this.#hear(event)),
      options.page.on((moment) => (moment === 'leave' ? this.#leavePage() : this.#wake())),
    ];
    void this.#resume();
  }

  /** Claims, or joins the attempt under way, or gives what is already held. */
  claim(wish: ClaimWish = {}): Promise<ClaimToken> {
    const state = this.store.get();
    if (state.kind === 'held') return Promise.resolve(state.grant);
    if (this.#flight !== undefined) return this.#flight;
    const flight = this.#claim(wish).finally(() => {
      if (this.#flight === flight) this.#flight = undefined;
    });
    // The state says it too, to those who do not look at the promise.
    flight.catch(() => undefined);
    this.#flight = flight;
    return flight;
  }

  /** Gives the claim back, or up. Nothing to give back is fine. */
  async release(): Promise<void> {
    const grant = grantOf(this.store.get());
    const wasAsked = this.#flight !== undefined;
    this.#forget();
    if (grant === undefined && !wasAsked) return;
    this.#become({ kind: 'released' });
    if (grant !== undefined) await this.#giveBack(grant);
  }

  /** The grant to write under, after a doubt has been settled. */
  async sure(): Promise<ClaimToken | undefined> {
    const state = this.store.get();
    if (state.kind !== 'suspect') return grantOf(state);
    await this.#renew(this.#generation, state.grant);
    const settled = this.store.get();
    if (settled.kind === 'held') return settled.grant;
    throw new CoordinationError('NOT_CONNECTED', { applied: 'no', detail: 'the claim could not be confirmed' });
  }

  /** Takes a refusal of a write as the news about the claim that it is. */
  heard(error: CoordinationError): void {
    const reason = error.code === 'NOT_FOUND' ? undefined : lossOf(error);
    if (reason !== undefined) this.#lose(reason);
  }

  /** Nobody here wants it any more. */
  end(): void {
    for (const stop of this.#stops) stop();
    // Not told to anybody: whoever claimed has gone.
    this.release().catch(() => undefined);
  }

  async #claim({ signal, ...wish }: ClaimWish): Promise<ClaimToken> {
    const { projects, projectId, instance, entropy, clock } = this.#options;
    signal?.throwIfAborted();
    // The request itself goes on: the grant it may bring is then known, and given back.
    signal?.addEventListener('abort', () => generation === this.#generation && void this.release(), { once: true });
    const generation = ++this.#generation;
    this.#become({ kind: 'claiming' });
    let grant: ClaimToken;
    const since = new Stopwatch(clock);
    try {
      await instance.ready();
      const claim = { ...wish, instanceId: instance.id, idempotencyKey: entropy.id() };
      grant = await projects.claim(projectId, undefined, claim);
    } catch (error) {
      if (generation === this.#generation) this.#become(refusal(error));
      throw error;
    }
    if (generation !== this.#generation) {
      await this.#giveBack(grant).catch(() => undefined);
      signal?.throwIfAborted();
      throw new CoordinationError('CLAIM_EXPIRED', { applied: 'no', detail: 'given up before it was granted' });
    }
    this.#keep(grant, since);
    return grant;
  }

  // After a reload: the claim is away, and still this instance's if it is within the grace.
  async #resume(): Promise<void> {
    const { storage, projectId, instance, clock } = this.#options;
    const kept = recall<KeptClaim>(storage, claimKey(projectId));
    if (kept === undefined) return;
    const generation = ++this.#generation;
    this.#become({ kind: 'suspect', grant: kept.grant });
    await instance.ready();
    if (generation !== this.#generation) return;
    if (kept.instanceId !== instance.id) {
      this.#forget();
      return this.#become({ kind: 'idle' });
    }
    this.#proof = { since: new Stopwatch(clock), goodForMs: 0 };
    this.#hold(generation, kept.grant);
    await this.#renew(generation, kept.grant);
  }

  #keep(grant: ClaimToken, since: Stopwatch): void {
    const { instance, projectId, storage, feed } = this.#options;
    remember(storage, claimKey(projectId), { grant, instanceId: instance.id } satisfies KeptClaim);
    this.#prove(grant, since);
    feed.sawClaim(grant);
    this.#hold(this.#generation, grant);
    this.#renewLater(this.#generation, grant);
  }

  #hold(generation: number, grant: ClaimToken): void {
    const { connection, instance, clock } = this.#options;
    const current = (): boolean => generation === this.#generation;
    this.#letGo = connection.hold({
      claimToken: grant.claimToken,
      instanceId: instance.id,
      attached: (confirmed) => {
        if (!current()) return;
        this.#attached = true;
        this.#cancelTimer?.();
        this.#prove(confirmed, new Stopwatch(clock));
      },
      refused: (error) => {
        const reason = lossOf(error);
        if (current() && reason !== undefined) this.#lose(reason);
      },
      detached: (reason) => current() && this.#detached(reason, generation, grant),
    });
  }

  #detached(reason: DetachReason, generation: number, grant: ClaimToken): void {
    this.#attached = false;
    if (reason === 'moved') {
      this.#lose('moved');
      return;
    }
    // A short break is nobody's business: the claim is away and comes back unchanged.
    this.#trust({ since: new Stopwatch(this.#options.clock), goodForMs: doubtAfterMs }, grant);
    this.#after(doubtAfterMs, generation, grant);
  }

  #prove(grant: ClaimToken, since: Stopwatch): void {
    this.#trust({ since, goodForMs: Math.max(0, grant.remainingMs - safetyMs) }, grant);
    const state = this.store.get();
    // The same right, so the same object: nobody renders for a renewal.
    if (state.kind === 'held' && state.grant.claimToken === grant.claimToken) return;
    this.#options.projects.holds(grant);
    this.#become({ kind: 'held', grant });
  }

  #trust(proof: Proof, grant: ClaimToken): void {
    this.#proof = proof;
    this.#cancelDoubt?.();
    const remainingMs = Math.max(0, proof.goodForMs - proof.since.elapsedMs());
    this.#cancelDoubt = this.#options.clock.after(remainingMs, () => this.#doubt(grant));
  }

  #renewLater(generation: number, grant: ClaimToken): void {
    if (!this.#attached) this.#after(grant.ttlMs / 3, generation, grant);
  }

  #after(delayMs: number, generation: number, grant: ClaimToken): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.after(delayMs, () => void this.#renew(generation, grant));
  }

  async #renew(generation: number, grant: ClaimToken): Promise<void> {
    if (generation !== this.#generation) return;
    this.#doubt(grant);
    const since = new Stopwatch(this.#options.clock);
    try {
      const renewed = await this.#options.projects.renew(grant);
      if (generation !== this.#generation) return;
      this.#prove(renewed, since);
      this.#renewLater(generation, grant);
    } catch (error) {
      if (generation !== this.#generation) return;
      const reason = isCoordinationError(error) ? lossOf(error) : undefined;
      if (reason !== undefined) return this.#lose(reason);
      this.#doubt(grant);
      if (!this.#attached) this.#after(askAgainMs, generation, grant);
    }
  }

  #doubt(grant: ClaimToken): void {
    const proof = this.#proof;
    const proven = this.#attached || (proof !== undefined && proof.since.elapsedMs() < proof.goodForMs);
    if (!proven && this.store.get().kind === 'held') this.#become({ kind: 'suspect', grant });
  }

  // The topic tells of the end of a claim too, and sooner than the next renewal would.
  #hear(event: EventFrame): void {
    const grant = grantOf(this.store.get());
    if (grant === undefined) return;
    switch (event.type) {
      case 'project.claimed':
      case 'lease.taken-over':
        if (event.data.fencingToken > grant.fencingToken) this.#lose('superseded');
        return;
      case 'project.released':
        if (event.data.fencingToken === grant.fencingToken) this.#lose('ended');
        return;
      case 'lease.expired':
        if (event.data.fencingToken === grant.fencingToken) this.#lose('expired');
        return;
      case 'project.deleted':
        this.#lose('ended');
        return;
      default:
        return;
    }
  }

  #lose(reason: LossReason): void {
    const grant = grantOf(this.store.get());
    if (grant === undefined) return;
    this.#forget();
    this.#become({ kind: 'lost', reason, grant });
    this.#options.feed.refresh();
  }

  async #giveBack(grant: ClaimToken): Promise<void> {
    const { projects, feed } = this.#options;
    await projects.release(grant);
    feed.sawRelease(grant.fencingToken);
  }

  // The machine may have slept past the term. An attached claim is the connection's to look after.
  #wake(): void {
    const grant = grantOf(this.store.get());
    if (grant === undefined || this.#attached) return;
    this.#cancelTimer?.();
    void this.#renew(this.#generation, grant);
  }

  #leavePage(): void {
    const grant = grantOf(this.store.get());
    if (grant === undefined) return;
    const path = pathTo('projects.detach', { id: this.#options.projectId });
    this.#options.farewell(path, JSON.stringify({ claimToken: grant.claimToken }));
  }

  #forget(): void {
    const grant = grantOf(this.store.get());
    this.#generation += 1;
    this.#flight = undefined;
    this.#attached = false;
    this.#proof = undefined;
    this.#cancelTimer?.();
    this.#cancelDoubt?.();
    this.#letGo?.();
    this.#letGo = undefined;
    if (grant !== undefined) this.#options.projects.holdsNo(grant);
    remember(this.#options.storage, claimKey(this.#options.projectId), undefined);
  }

  #become(state: ClaimState): void {
    this.store.change(() => state);
  }
}

function refusal(error: unknown): ClaimState {
  if (!isCoordinationError(error)) return { kind: 'idle' };
  if (error.code === 'RESOURCE_LOCKED') return { kind: 'denied', holder: error.holder, error };
  return { kind: 'failed', error };
}
