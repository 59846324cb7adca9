// Lead: this process controls one board, for as long as it holds the lease on it.
//
//   LD1  The lease's fence is sealed into the board before anything is read for a decision; from
//        then on nobody who led before can write.
//   LD2  What was reserved is ordered until it starts, again every second.
//   LD3  A run whose lease is free without an end in the log is recorded as lost, and tried again.
import { CoordinationError, type FencingToken, type Lease } from '@devmentor/locks';
import { Agenda } from './agenda.ts';
import { type AgentsPorts, activationResource, LEASE_MS, type Order } from './agents-ports.ts';
import type { ActivationState } from './board.ts';
import { nextStep, type Step } from './control-cycle.ts';
import { BoardError } from './errors.ts';
import type { IKnowledgeSource } from './knowledge-source.ts';
import { SharedKnowledgeBase } from './shared-knowledge-base.ts';
import { Wake } from './wake.ts';

/** How a lead came to its end. `elsewhere`: another process leads. */
export type LeadEnd = 'elsewhere' | 'over' | 'lost' | 'stopped' | 'missing' | 'unavailable';

const AGAIN_MS = 1_000;
const LOOK_MS = 500;
const AFTER_FAULT_MS = 200;

export class Lead {
  readonly #ports: AgentsPorts;
  readonly #id: string;
  readonly #order: (order: Order) => void;
  readonly #ordered = new Map<string, number>();
  readonly #looked = new Map<string, number>();
  readonly #wake: Wake;

  constructor(ports: AgentsPorts, id: string, order: (order: Order) => void) {
    this.#ports = ports;
    this.#id = id;
    this.#order = order;
    this.#wake = new Wake(ports.clock);
  }

  /** Leads until the board is over, the lease is lost, or `signal` says so. */
  async run(signal: AbortSignal): Promise<LeadEnd> {
    const { locks, node, entropy } = this.#ports;
    const claim = await locks.tryAcquire(`board/${this.#id}`, {
      ttlMs: LEASE_MS,
      holder: { id: node },
      instance: entropy.id(),
    });
    if (claim.kind === 'unavailable') return 'unavailable';
    if (claim.kind !== 'granted') return 'elsewhere';
    const { lease } = claim;
    const unsubscribe = this.#ports.hints.on((board) => {
      if (board === this.#id) this.#wake.note();
    });
    const wake = (): void => this.#wake.note();
    signal.addEventListener('abort', wake);
    lease.signal.addEventListener('abort', wake);
    try {
      return await this.#lead(lease, signal);
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', wake);
      await lease.release();
    }
  }

  async #lead(lease: Lease, signal: AbortSignal): Promise<LeadEnd> {
    const { store, clock } = this.#ports;
    const sealed = await store.seal(this.#id, lease.fence);
    if (sealed.kind !== 'sealed') return sealed.kind === 'missing' ? 'missing' : 'lost';
    const sources = this.#sourcesOf(sealed.head.settings.sources);
    const base = SharedKnowledgeBase.unread(store, sealed.head, clock);
    const agenda = new Agenda([...sources.values()]);
    while (lease.valid) {
      if (signal.aborted) return 'stopped';
      try {
        const news = await base.catchUp();
        for (const entry of news) agenda.note(entry, base.board);
        if (news.length === 0 && !(await this.#isThere(base))) return 'missing';
        const step = nextStep(base.board, agenda, sources, base.nowMs());
        const end = await this.#take(step, base, agenda, lease.fence);
        if (end !== undefined) return end;
      } catch (fault) {
        if (!(fault instanceof CoordinationError)) throw fault;
        this.#ports.onFault(fault);
        await this.#wake.wait(AFTER_FAULT_MS);
      }
    }
    return 'lost';
  }

  async #take(
    step: Step,
    base: SharedKnowledgeBase,
    agenda: Agenda,
    epoch: FencingToken,
  ): Promise<LeadEnd | undefined> {
    if (step.kind === 'over') return 'over';
    if (step.kind === 'wait') {
      const nextMs = await this.#attend(base, epoch);
      await this.#wake.wait(Math.max(1, Math.min(step.untilMs - base.nowMs(), nextMs)));
      return undefined;
    }
    const under = step.seen === undefined ? { epoch } : { epoch, seen: step.seen };
    // Until the log shows them, what was taken belongs to the agenda.
    agenda.putBack(step.taken);
    const outcome = await this.#ports.store.record(this.#id, step.entries, under);
    switch (outcome.kind) {
      case 'written':
        this.#ports.hints.tell(this.#id);
        return undefined;
      case 'moved':
      case 'closed':
        return undefined;
      case 'fenced':
        return 'lost';
      case 'missing':
        return 'missing';
    }
  }

  /** Orders what may run, looks after what does; answers when to come back. */
  async #attend(base: SharedKnowledgeBase, epoch: FencingToken): Promise<number> {
    const nowMs = this.#ports.clock.nowMs();
    let isBusy = false;
    for (const state of [...base.board.active()]) {
      const { key, source } = state.activation;
      // Each attempt is ordered and looked after anew.
      const attempt = `${key} ${state.failures + state.losses}`;
      if (state.place === 'reserved') {
        isBusy = true;
        if (nowMs - (this.#ordered.get(attempt) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) continue;
        this.#ordered.set(attempt, nowMs);
        this.#order({ board: this.#id, key, source });
      } else if (state.place === 'running') {
        isBusy = true;
        const since = this.#looked.get(attempt) ?? nowMs;
        this.#looked.set(attempt, since);
        if (nowMs - since < AGAIN_MS) continue;
        this.#looked.set(attempt, nowMs);
        if (await this.#isLost(state)) await this.#recordLoss(state, base, epoch);
      }
    }
    return isBusy ? LOOK_MS : AGAIN_MS;
  }

  /** False once the board was removed, or removed and opened anew. */
  async #isThere({ board }: SharedKnowledgeBase): Promise<boolean> {
    return (await this.#ports.store.head(this.#id))?.createdAtMs === board.createdAtMs;
  }

  async #isLost({ activation }: ActivationState): Promise<boolean> {
    const view = await this.#ports.locks.inspect(activationResource(this.#id, activation.key));
    return view.kind === 'free';
  }

  async #recordLoss(
    { activation, fence, worker, startedAtMs }: ActivationState,
    base: SharedKnowledgeBase,
    epoch: FencingToken,
  ): Promise<void> {
    if (fence === '') return;
    const usage = { timeMs: Math.max(1, Math.ceil(base.nowMs() - startedAtMs)), estimated: true };
    await this.#ports.store.fail(
      this.#id,
      { key: activation.key, fence, worker },
      { failure: 'lost', message: 'its worker is gone', usage, epoch },
    );
    this.#wake.note();
  }

  #sourcesOf(wanted: readonly string[]): ReadonlyMap<string, IKnowledgeSource> {
    const sources = new Map<string, IKnowledgeSource>();
    for (const name of wanted) {
      const source = this.#ports.sources.get(name);
      if (source === undefined)
        throw new BoardError('SOURCE_UNKNOWN', `Board ${this.#id} wants ${name}, which is not registered here`, {
          board: this.#id,
        });
      sources.set(name, source);
    }
    return sources;
  }
}
