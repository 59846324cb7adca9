// Multi-lock
//
// Several resources, all or none. Each is a lease of its own, granted by itself: nothing spans
// two resources, so others may see some of them held while the rest is asked for.
//
//   ML1  All are held when the call resolves with a lease, or none is kept.
//   ML2  Who waits holds only resources that come before, by name, the one it waits for: whatever
//        sets of resources are asked for at once, they never wait for each other in a circle.
//   ML3  The first tick asks for all of them at once; only what is held elsewhere is waited for.
import { type Redact, refusalOf } from './acquisition.ts';
import { checkResource } from './claim-arguments.ts';
import type { Clock } from './clock.ts';
import type { Entropy } from './entropy.ts';
import { CoordinationError, LeaseLostError } from './errors.ts';
import type { FencingToken, Lease, LossReason, ReleaseOutcome, RenewOutcome } from './lease.ts';
import type { ClaimOptions, ClaimOutcome, LockManager } from './lock-manager.ts';

/** As for one resource; each gets a request id of its own. Without an `instance`, each call is a party of its own. */
export type MultiOptions = Omit<ClaimOptions, 'requestId'>;

export type MultiOutcome =
  | { readonly kind: 'granted'; readonly lease: MultiLease }
  /** Nothing is kept. */
  | {
      readonly kind: 'refused';
      /** The first, by name, that could not be had. */
      readonly resource: string;
      readonly outcome: MultiRefusal;
      /** What became of those that were held meanwhile. */
      readonly givenBack: ReadonlyMap<string, ReleaseOutcome>;
    };

export type MultiRefusal =
  | Exclude<ClaimOutcome, { readonly kind: 'granted' }>
  /** Held, and lost again while another was waited for. */
  | { readonly kind: 'lost'; readonly fence: FencingToken; readonly reason: LossReason };

export interface MultiReleaseOutcome {
  /** `partly`: at least one was not given back by this call; `outcomes` says which, and what of it. */
  readonly kind: 'released' | 'partly';
  readonly outcomes: ReadonlyMap<string, ReleaseOutcome>;
}

const MOST_RESOURCES = 64;

/** Leases on several resources, as strong as the weakest of them. */
export class MultiLease implements AsyncDisposable, Disposable {
  /** In order of their resources' names. */
  readonly leases: readonly Lease[];
  readonly #byResource: ReadonlyMap<string, Lease>;
  #signal: AbortSignal | undefined;
  #releasing: Promise<MultiReleaseOutcome> | undefined;

  constructor(leases: readonly Lease[]) {
    this.leases = leases;
    this.#byResource = new Map(leases.map((lease) => [lease.resource, lease]));
  }

  get resources(): readonly string[] {
    return this.leases.map(({ resource }) => resource);
  }

  /** The fence to pass with each write to that resource. */
  fence(resource: string): FencingToken {
    const lease = this.#byResource.get(resource);
    if (lease === undefined)
      throw new CoordinationError('LOCK_CONFIG', `${resource} is none of ${this.resources.join(', ')}`, {
        applied: 'no',
      });
    return lease.fence;
  }

  get fences(): ReadonlyMap<string, FencingToken> {
    return new Map(this.leases.map(({ resource, fence }) => [resource, fence]));
  }

  /** True while every one of them is. */
  get valid(): boolean {
    return this.leases.every((lease) => lease.valid);
  }

  /** Of the one that ends first. */
  remainingMs(): number {
    return this.leases.reduce((least, lease) => Math.min(least, lease.remainingMs()), Number.POSITIVE_INFINITY);
  }

  /** Throws the `LeaseLostError` of the first that is not valid. */
  assertValid(): void {
    for (const lease of this.leases) lease.assertValid();
  }

  /** Aborts when the first of them is lost; the reason names it. Not on release. */
  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any(this.leases.map(({ signal }) => signal));
    return this.#signal;
  }

  /** Extends every term. */
  async renew(): Promise<ReadonlyMap<string, RenewOutcome>> {
    return byResource(this.leases, (lease) => lease.renew());
  }

  /** Stops or starts automatic renewal. */
  renewal(mode: 'auto' | 'manual'): void {
    for (const lease of this.leases) lease.renewal(mode);
  }

  /** Gives all of them back in one tick. Never throws; later calls get the first call's answer. */
  release(): Promise<MultiReleaseOutcome> {
    this.#releasing ??= giveBack(this.leases).then((outcomes) => ({
      kind: [...outcomes.values()].every(({ kind }) => kind === 'released') ? 'released' : 'partly',
      outcomes,
    }));
    return this.#releasing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  [Symbol.dispose](): void {
    void this.release();
  }
}

export interface MultiManager extends Pick<LockManager, 'tryAcquire'> {
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** Claims all of them. Rejects only with `signal.reason` or for bad arguments, and then keeps none. */
export async function tryAcquireAll(
  manager: MultiManager,
  resources: readonly string[],
  options: MultiOptions,
): Promise<MultiOutcome> {
  const names = inOrder(resources);
  const { waitMs = 0, ...shared } = options;
  const claim = { instance: manager.entropy.id(), ...shared };
  const endMs = manager.clock.nowMs() + waitMs;
  const first = await atOnce(manager, names, claim);
  const held = first.granted;
  const refused = first.refused;
  if (refused === undefined) return { kind: 'granted', lease: new MultiLease(held) };
  if (waitMs === 0) return rolledBack(held, refused.resource, refused.outcome);
  // Whoever waits may hold what comes before, and nothing that comes after.
  const kept = held.filter(({ resource }) => resource < refused.resource);
  await giveBack(held.filter(({ resource }) => resource > refused.resource));
  for (const resource of names.slice(names.indexOf(refused.resource))) {
    const leftMs = Math.max(1, endMs - manager.clock.nowMs());
    const outcome = await keepingNone(kept, manager.tryAcquire(resource, { ...claim, waitMs: leftMs }));
    if (outcome.kind !== 'granted') return rolledBack(kept, resource, outcome);
    kept.push(ownHold(outcome));
  }
  const lost = kept.find((lease) => !lease.valid);
  if (lost === undefined) return { kind: 'granted', lease: new MultiLease(kept) };
  return rolledBack(kept, lost.resource, { kind: 'lost', fence: lost.fence, reason: lost.lossReason ?? 'expired' });
}

/** The lease of a claim on several, or the error that says why there is none and names the resource. */
export function grantedAll(
  outcome: MultiOutcome,
  asked: MultiOptions & { readonly redact?: Redact | undefined },
): MultiLease {
  if (outcome.kind === 'granted') return outcome.lease;
  const { resource, outcome: refusal } = outcome;
  if (refusal.kind !== 'lost') throw refusalOf(resource, refusal, asked);
  throw new LeaseLostError({ resource, fence: refusal.fence }, refusal.reason);
}

/** All in one tick. A rejection of one is thrown when the others are given back. */
async function atOnce(
  manager: MultiManager,
  names: readonly string[],
  claim: ClaimOptions,
): Promise<{
  readonly granted: Lease[];
  readonly refused: { readonly resource: string; readonly outcome: MultiRefusal } | undefined;
}> {
  const results = await Promise.allSettled(names.map((resource) => manager.tryAcquire(resource, claim)));
  const granted: Lease[] = [];
  let refused: { readonly resource: string; readonly outcome: MultiRefusal } | undefined;
  for (const [at, result] of results.entries()) {
    if (result.status === 'rejected') continue;
    if (result.value.kind === 'granted') granted.push(ownHold(result.value));
    else refused ??= { resource: names[at] as string, outcome: result.value };
  }
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected !== undefined) await keepingNone(granted, Promise.reject(rejected.reason));
  return { granted, refused };
}

/** What this party had before stays its own when this claim's is given back. */
function ownHold(outcome: Extract<ClaimOutcome, { readonly kind: 'granted' }>): Lease {
  return outcome.fresh ? outcome.lease : outcome.lease.share();
}

/** Gives back what is held before a rejection reaches the caller. */
async function keepingNone<T>(held: readonly Lease[], claim: Promise<T>): Promise<T> {
  try {
    return await claim;
  } catch (fault) {
    await giveBack(held);
    throw fault;
  }
}

async function rolledBack(held: readonly Lease[], resource: string, outcome: MultiRefusal): Promise<MultiOutcome> {
  return { kind: 'refused', resource, outcome, givenBack: await giveBack(held) };
}

function giveBack(leases: readonly Lease[]): Promise<ReadonlyMap<string, ReleaseOutcome>> {
  return byResource(leases, (lease) => lease.release());
}

async function byResource<T>(
  leases: readonly Lease[],
  ask: (lease: Lease) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  const answers = await Promise.all(leases.map(async (lease) => [lease.resource, await ask(lease)] as const));
  return new Map(answers);
}

function inOrder(resources: readonly string[]): readonly string[] {
  const names = [...new Set(resources)].sort();
  if (names.length === 0) refuse('No resources are named: give at least one');
  if (names.length > MOST_RESOURCES)
    refuse(`${names.length} resources are too many: at most ${MOST_RESOURCES}. Lock what contains them`);
  if (names.length < resources.length) {
    const twice = resources.find((name, at) => resources.indexOf(name) !== at);
    refuse(`${twice} is named twice: name each resource once`);
  }
  for (const name of names) checkResource(name);
  return names;
}

function refuse(message: string): never {
  throw new CoordinationError('LOCK_CONFIG', message, { applied: 'no' });
}
