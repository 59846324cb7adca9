// Claims
//
// People on several nodes claim documents, write to them while they may, and give them back, or forget to;
// others take documents over, or only look. The documents are kept behind a guard, as everything should
// be that trusts a lease.
import { assert, CoordinationError, type Lease } from '@devmentor/locks';
import { MemoryGuard } from '@devmentor/locks/guards';
import {
  type Check,
  defineSimulation,
  everyWaiterServed,
  exclusiveByFence,
  type FaultKind,
  faultPlan,
  isLeaseOperation,
  type LeaseInput,
  type LeaseOutput,
  leasesInFenceOrder,
  linearizableLeases,
  linearizableRegisters,
  type RegisterInput,
  type RegisterOutput,
  risingFences,
  type SimNode,
  several,
  type World,
} from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import { GRACE_MS, MOMENTS, momentsOf } from './claims.moments.ts';

/** Somebody comes to a document, and what they do there. */
export interface Visit {
  readonly node: number;
  readonly document: number;
  /** Since the beginning, so that visits left out move no other. */
  readonly atMs: number;
  readonly how: 'claims' | 'waits' | 'takes over' | 'looks';
  readonly ttlMs: number;
  readonly writes: number;
  readonly everyMs: number;
  readonly leaving: 'releases' | 'forgets';
}

const NODES = 3;
/** Visits and faults begin until then. */
const FAULTS_MS = 4_000;
/** Somebody who waits does so until everything is over. */
const WAIT_MS = 120_000;
/** An offer stands for so long. */
const OFFER_MS = 2_000;
/** After the last fault: whatever is held lapses, and whoever waits is served. */
const HEALED_MS = 30_000;

const visit: fc.Arbitrary<Visit> = fc.record({
  node: fc.nat({ max: NODES - 1 }),
  document: fc.nat({ max: 1 }),
  atMs: fc.nat({ max: FAULTS_MS }),
  how: fc.constantFrom('waits', 'claims', 'waits', 'takes over', 'looks'),
  ttlMs: fc.integer({ min: 1_000, max: 2_500 }),
  writes: fc.nat({ max: 3 }),
  everyMs: fc.nat({ max: 500 }),
  leaving: fc.constantFrom('releases', 'releases', 'forgets'),
});

/** The documents, where they are kept. */
class Shelf {
  readonly #world: World;
  readonly #guard = new MemoryGuard();
  readonly #texts = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** One atomic write: whether it was admitted. */
  write(document: string, { by, fence, text }: { by: string; fence: string; text: string }): boolean {
    const admitted = this.#guard.admit(document, fence).kind === 'admitted';
    if (admitted) this.#texts.set(document, text);
    this.#world.saw('world', { kind: 'guarded-write', key: document, by, fence, admitted });
    return admitted;
  }

  read(document: string): string | null {
    return this.#texts.get(document) ?? null;
  }
}

class Visitor {
  readonly #shelf: Shelf;
  readonly #visit: Visit;
  readonly #who: string;
  readonly #node: SimNode;
  readonly #document: string;
  readonly #text: string;

  constructor(world: World, shelf: Shelf, visit: Visit, number: number) {
    this.#shelf = shelf;
    this.#visit = visit;
    this.#who = `p${number}`;
    this.#node = world.node(visit.node);
    this.#document = `d${visit.document}`;
    this.#text = `text of d${visit.document}`;
  }

  async come(): Promise<void> {
    const { how, ttlMs } = this.#visit;
    if (how === 'looks') return await this.#look();
    // Who did not find it free is offered it, and has the full term from when they say that they are there.
    const sureMs = how === 'claims' ? ttlMs : Math.min(ttlMs, OFFER_MS);
    let lease: Lease | undefined;
    const hold = (granted: Lease): LeaseOutput => {
      // Of a node that slept meanwhile it may be unsure yet; over it is not.
      assert(granted.state !== 'lost', 'a lease is handed out before it is over');
      lease = granted;
      return { kind: 'granted', fence: granted.fence };
    };
    if (how === 'takes over') {
      await this.#ask('take over', { kind: 'takeover', by: this.#who, ttlMs: sureMs }, async ({ locks }) => {
        const by = { id: this.#who };
        const outcome = await locks.requestTakeover(this.#document, { by, ttlMs, graceMs: GRACE_MS });
        if (outcome.kind === 'unavailable') throw outcome.cause;
        return outcome.kind === 'granted' ? hold(outcome.lease) : { kind: 'refused' };
      });
    } else {
      const waits = how === 'waits';
      const claim = async ({ locks }: SimNode): Promise<LeaseOutput> => {
        const options = {
          holder: { id: this.#who },
          requestId: this.#who,
          ttlMs,
          ...(waits ? { waitMs: WAIT_MS } : {}),
        };
        const outcome = await locks.tryAcquire(this.#document, options);
        if (outcome.kind === 'unavailable') throw outcome.cause;
        return outcome.kind === 'granted' ? hold(outcome.lease) : { kind: 'refused' };
      };
      const input: LeaseInput = { kind: 'claim', by: this.#who, ttlMs: sureMs, request: this.#who, waits };
      // Who does not know asks again, once, by the same name.
      if ((await this.#ask('claim', input, claim)) === 'unknown') await this.#ask('claim', input, claim);
    }
    if (lease !== undefined) await this.#work(lease);
  }

  async #work(lease: Lease): Promise<void> {
    const { writes, everyMs, leaving } = this.#visit;
    // What nobody counts on any more may be given back at any time, whatever is under way.
    lease.signal.addEventListener('abort', () => void this.#giveUp(lease), { once: true });
    for (let n = 1; n <= writes; n++) {
      await this.#pause(everyMs);
      if (!lease.valid) break;
      const text = `${this.#who} ${n}`;
      const { fence } = lease;
      await this.#write(fence, text);
    }
    if (!lease.valid) return;
    if (leaving === 'forgets') {
      lease.renewal('manual');
      return await this.#giveUp(lease);
    }
    await this.#ask('release', { kind: 'release', fence: lease.fence }, async () => {
      const outcome = await lease.release();
      if (outcome.kind === 'unknown') throw outcome.cause;
      return { kind: outcome.kind === 'released' ? 'released' : 'ended' };
    });
  }

  async #giveUp({ fence }: Lease): Promise<void> {
    const asked = {
      op: 'lose',
      key: this.#document,
      input: { kind: 'lost', fence },
      process: `${this.#who}'s lease`,
    } as const;
    await this.#node.perform<LeaseInput, LeaseOutput>(asked, async () => ({ kind: 'noted' }));
  }

  async #write(fence: string, text: string): Promise<void> {
    const input: RegisterInput = { kind: 'write', value: text };
    await this.#node.perform<RegisterInput, RegisterOutput>(
      { op: 'write', key: this.#text, input, process: this.#who },
      async ({ ports }) => {
        const written = await ports.at(`write ${this.#document}`, () =>
          this.#shelf.write(this.#document, { by: this.#who, fence, text }),
        );
        if (!written) throw new CoordinationError('STALE_FENCE', 'a later holder has written', { applied: 'no' });
        return { kind: 'written' };
      },
    );
  }

  async #look(): Promise<void> {
    await this.#node.perform<RegisterInput, RegisterOutput>(
      { op: 'read', key: this.#text, input: { kind: 'read' }, process: this.#who },
      async ({ ports }) => ({
        kind: 'value',
        value: await ports.at(`read ${this.#document}`, () => this.#shelf.read(this.#document)),
      }),
    );
    await this.#ask('look', { kind: 'look' }, async ({ locks }) => {
      const view = await locks.inspect(this.#document);
      return view.kind === 'free' ? { kind: 'free' } : { kind: 'held', fence: view.fence, by: view.holder.id };
    });
  }

  async #ask(op: string, input: LeaseInput, work: (node: SimNode) => Promise<LeaseOutput>): Promise<string> {
    const outcome = await this.#node.perform({ op, key: this.#document, input, process: this.#who }, work);
    return outcome.kind;
  }

  /** Never ends where the process does. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#node.ports.clock.after(ms, resolve));
  }
}

/** No actors live here, so there is nothing to say on the bus. */
const KINDS: readonly FaultKind[] = ['crash', 'stall', 'sleep', 'clock', 'drift', 'cut', 'call', 'slow', 'failover'];

/** Where the clock of the store was set ahead, terms are shorter by so much. */
const linearizable: Check = {
  name: 'linearizable leases',
  inspect: (seen) => {
    let slackMs = 0;
    for (const { fault } of seen.faults) if (fault.kind === 'clock' && fault.node === 'store') slackMs += fault.wallMs;
    return [...linearizableLeases({ slackMs }).inspect(seen), ...leasesInFenceOrder({ slackMs }).inspect(seen)];
  },
};

const world = {
  nodes: NODES,
  steps: several(visit, { atLeast: 18, atMost: 26 }),
  play: async (world: World, visits: readonly Visit[]): Promise<void> => {
    const shelf = new Shelf(world);
    const inTime = [...visits].sort((one, other) => one.atMs - other.atMs);
    for (const [number, visit] of inTime.entries()) {
      await world.advance(Math.max(0, visit.atMs - world.nowMs));
      void new Visitor(world, shelf, visit, number + 1).come();
    }
    await world.advance(2 * FAULTS_MS - world.nowMs);
    world.heal();
    await world.advance(HEALED_MS);
    for (const label of momentsOf(world.history)) world.saw('world', { kind: 'reached', label });
  },
};

/** Longer than any message takes where nothing is broken. */
const APART_MS = 5;

/** Who came clearly later to wait is served later. Only where nothing breaks is it known when a request came. */
const inLine: Check = {
  name: 'in line',
  inspect: ({ history }) => {
    const waited = history
      .operations()
      .filter(isLeaseOperation)
      .flatMap(({ key, process, input, invokedMs, outcome }) =>
        input.kind === 'claim' && outcome.kind === 'ok' && outcome.value.kind === 'granted'
          ? [{ key, process, invokedMs, fence: outcome.value.fence }]
          : [],
      );
    return waited.flatMap((first) =>
      waited
        .filter(
          ({ key, invokedMs, fence }) =>
            key === first.key && invokedMs > first.invokedMs + APART_MS && fence < first.fence,
        )
        .map(({ process }) => ({
          check: 'in line',
          message: `${process} came after ${first.process} to ${first.key}, and had it before`,
        })),
    );
  },
};

/** Everybody waits, and nothing breaks: first come, first served. */
export const queues = defineSimulation<Visit>({
  name: 'queues',
  ...world,
  steps: several(
    visit.map((visit) => ({ ...visit, how: 'waits' as const })),
    { atLeast: 16, atMost: 24 },
  ),
  faults: faultPlan({ nodes: NODES, withinMs: FAULTS_MS, atLeast: 1, atMost: 3, kinds: ['drift'] }),
  checks: [
    exclusiveByFence(),
    risingFences(),
    linearizableLeases(),
    everyWaiterServed({ withinMs: HEALED_MS }),
    inLine,
  ],
});

/** Many people, few documents, and servers that forget nothing. */
export const claims = defineSimulation<Visit>({
  name: 'claims',
  ...world,
  sometimes: MOMENTS,
  faults: faultPlan({ nodes: NODES, withinMs: FAULTS_MS, atLeast: 6, atMost: 8, kinds: KINDS }),
  checks: [
    exclusiveByFence(),
    risingFences(),
    linearizable,
    linearizableRegisters(),
    everyWaiterServed({ withinMs: HEALED_MS - 1_000 }),
  ],
});

/** The same over lock servers that lose what they had acknowledged: the fence has the last word, whoever holds. */
export const forgetfulClaims = defineSimulation<Visit>({
  name: 'claims over a server that forgets',
  ...world,
  faults: faultPlan({ nodes: NODES, withinMs: FAULTS_MS, atLeast: 4, kinds: KINDS, storeLoss: 'some' }),
  checks: [exclusiveByFence(), risingFences(), linearizableRegisters()],
});
