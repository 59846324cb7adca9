// Run: one attempt at one activation.
//
//   RN1  Nothing is written but under the fence of the activation's lease.
//   RN2  A run that lost its lease, its board or its worker writes no result.
//   RN3  What a source throws is a failure of this activation alone, never an answer.
import { CoordinationError, InvariantViolation, type Lease } from '@devmentor/locks';
import { type AgentsPorts, activationResource, LEASE_MS, type Order } from './agents-ports.ts';
import type { ActivationState, Board } from './board.ts';
import type { CommitOutcome, Run } from './board-store.ts';
import type { Contribution, FailureClass } from './entry.ts';
import { BoardError } from './errors.ts';
import { draftOf } from './knowledge.ts';
import { authorOf, type IKnowledgeSource, PermanentFailure, type RunContext } from './knowledge-source.ts';
import type { SharedKnowledgeBase } from './shared-knowledge-base.ts';

/** Why a run is to end at once. */
export type Abort = 'timeout' | 'stopped' | 'board-over' | 'lease-lost';

/** The reason of the signal that a run was given. */
export class Aborted extends Error {
  readonly why: Abort;

  constructor(why: Abort) {
    super(`the run was ended: ${why}`);
    this.why = why;
  }
}

/** Runs the activation if this process gets its lease and the board lets it start. */
export async function runActivation(
  ports: AgentsPorts,
  order: Order,
  base: SharedKnowledgeBase,
  abort: AbortController,
): Promise<void> {
  const source = ports.sources.get(order.source);
  if (source === undefined) return;
  const claim = await ports.locks.tryAcquire(activationResource(order.board, order.key), {
    ttlMs: LEASE_MS,
    holder: { id: ports.node },
    instance: ports.entropy.id(),
  });
  if (claim.kind !== 'granted') return;
  try {
    await new Attempt(ports, order, source, base, claim.lease, abort).go();
  } finally {
    await claim.lease.release();
  }
}

class Attempt {
  readonly #ports: AgentsPorts;
  readonly #board: string;
  readonly #source: IKnowledgeSource;
  readonly #base: SharedKnowledgeBase;
  readonly #abort: AbortController;
  readonly #lease: Lease;
  readonly #run: Run;
  #startedMs = 0;

  constructor(
    ports: AgentsPorts,
    order: Order,
    source: IKnowledgeSource,
    base: SharedKnowledgeBase,
    lease: Lease,
    abort: AbortController,
  ) {
    this.#ports = ports;
    this.#board = order.board;
    this.#source = source;
    this.#base = base;
    this.#abort = abort;
    this.#lease = lease;
    this.#run = { key: order.key, fence: lease.fence, worker: ports.node };
  }

  async go(): Promise<void> {
    const { store, hints, clock } = this.#ports;
    this.#startedMs = clock.nowMs();
    const started = await store.start(this.#board, this.#run);
    if (started.kind !== 'written') return;
    hints.tell(this.#board);
    await this.#base.catchUp();
    const state = this.#base.board.activation(this.#run.key);
    if (state === undefined) throw new InvariantViolation('what was started stands in the log');
    const inputs = inputsOf(state, this.#base.board);
    if (inputs === undefined) return await this.#obviate('an input was superseded');
    try {
      const asked = { subject: state.activation.subject, inputs, board: this.#base.board };
      if (this.#source.precondition?.(asked) === false)
        return await this.#obviate('its precondition does not hold any more');
      this.#source.rate?.(asked);
      await this.#commit(state, inputs, await this.#limited(state, inputs));
    } catch (fault) {
      await this.#failed(fault);
    }
    hints.tell(this.#board);
  }

  /** The source's own work, ended by its time, its lease, its board or its worker. */
  async #limited(
    state: ActivationState,
    inputs: readonly Contribution[],
  ): Promise<Awaited<ReturnType<IKnowledgeSource['run']>>> {
    const { clock } = this.#ports;
    const end = (why: Abort): void => this.#abort.abort(new Aborted(why));
    const cancelTimer = clock.after(state.reservedMs, () => end('timeout'));
    const onLost = (): void => end('lease-lost');
    this.#lease.signal.addEventListener('abort', onLost);
    try {
      const ended = new Promise<never>((_, reject) => {
        const fail = (): void => reject(this.#abort.signal.reason);
        if (this.#abort.signal.aborted) fail();
        else this.#abort.signal.addEventListener('abort', fail, { once: true });
      });
      ended.catch(() => undefined);
      return await Promise.race([this.#source.run(this.#context(state, inputs)), ended]);
    } finally {
      cancelTimer();
      this.#lease.signal.removeEventListener('abort', onLost);
    }
  }

  #context(state: ActivationState, inputs: readonly Contribution[]): RunContext {
    const { board } = this.#base;
    return {
      board: this.#board,
      problem: board.problem,
      activation: state.activation,
      inputs,
      file: async (hash) => {
        const text = (await this.#ports.store.files(this.#board, [hash])).get(hash);
        if (text === undefined) throw new PermanentFailure(`the board has no file with the hash ${hash}`);
        return text;
      },
      signal: this.#abort.signal,
      idempotencyKey: `${this.#board}/${state.activation.key}`,
    };
  }

  async #commit(
    state: ActivationState,
    inputs: readonly Contribution[],
    said: Awaited<ReturnType<IKnowledgeSource['run']>>,
  ): Promise<void> {
    const author = authorOf(this.#source);
    const contributions = said.map((knowledge) => draftOf(knowledge, { author, activation: state.activation.key }));
    const usage = { timeMs: this.#usedMs() };
    const result = { reads: inputs.map(({ id, version }) => ({ id, version })), contributions, usage };
    const outcome = await this.#persist(() => this.#ports.store.commit(this.#board, this.#run, result));
    return await this.#settle(outcome);
  }

  async #settle(outcome: CommitOutcome): Promise<void> {
    switch (outcome.kind) {
      case 'stale':
        return await this.#obviate(`${outcome.id} was superseded while it ran`);
      case 'over-budget':
        return await this.#fail('permanent', 'the board has no room for what it found');
      case 'unknown-support':
        return await this.#fail('permanent', `it rests on ${outcome.id}, which is not on the board`);
      default:
        // Committed, or somebody else's by now.
        return;
    }
  }

  async #failed(fault: unknown): Promise<void> {
    if (fault instanceof Aborted) {
      if (fault.why === 'timeout') return await this.#fail('timeout', 'it was not done within its time');
      if (fault.why === 'stopped') return await this.#fail('lost', 'its worker was stopped');
      return;
    }
    // The store itself failed: nobody knows what was written; the lease lapses or is released,
    // and the controller sees to it.
    if (fault instanceof CoordinationError && !(fault instanceof BoardError)) return this.#ports.onFault(fault);
    const message = fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault);
    const isPermanent =
      fault instanceof PermanentFailure || fault instanceof BoardError || fault instanceof InvariantViolation;
    await this.#fail(isPermanent ? 'permanent' : 'transient', message);
  }

  async #fail(failure: FailureClass, message: string): Promise<void> {
    const how = { failure, message, usage: { timeMs: this.#usedMs() } };
    await this.#persist(() => this.#ports.store.fail(this.#board, this.#run, how));
  }

  async #obviate(why: string): Promise<void> {
    const how = { why, usage: { timeMs: this.#usedMs() } };
    await this.#persist(() => this.#ports.store.obviate(this.#board, this.#run, how));
    this.#ports.hints.tell(this.#board);
  }

  /** A write that may be repeated as it is, while the lease lives. */
  async #persist<T>(write: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await write();
      } catch (fault) {
        if (!(fault instanceof CoordinationError) || attempt === 3 || !this.#lease.valid) throw fault;
      }
    }
  }

  #usedMs(): number {
    return Math.max(1, Math.ceil(this.#ports.clock.nowMs() - this.#startedMs));
  }
}

function inputsOf({ activation }: ActivationState, board: Board): readonly Contribution[] | undefined {
  const inputs = activation.inputs.map(({ id }) => board.current(id));
  const current = inputs.filter((input, i) => input !== undefined && input.version === activation.inputs[i]?.version);
  return current.length === activation.inputs.length ? (current as readonly Contribution[]) : undefined;
}
