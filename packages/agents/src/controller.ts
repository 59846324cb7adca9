// Blackboard controller: leads every board that nobody else leads.
//
// Alone or with others: whoever gets the lease leads (`lead.ts`). With a runtime, its actor
// `board:<id>` decides which node tries, so that boards spread over the nodes and each has one
// address; the lease decides nevertheless.
import { type Cancel, CoordinationError } from '@devmentor/locks';
import type { Runtime } from '@devmentor/runtime';
import { type AgentsPorts, LEASE_MS, type Order } from './agents-ports.ts';
import type { Board } from './board.ts';
import { boardActor } from './board-actor.ts';
import { isOpen } from './board-status.ts';
import { Lead, type LeadEnd } from './lead.ts';
import type { Reason, Solution } from './solution.ts';
import { synthesize } from './synthesis.ts';

/** How often open boards are looked for that nobody told of. */
const LOOK_MS = 1_000;
const MOST_LED = 1_000;

export class BlackboardController {
  /** For `createRuntime({ actors })`. */
  readonly actor: ReturnType<typeof boardActor>;
  readonly #ports: AgentsPorts;
  readonly #order: (order: Order) => void;
  readonly #leading = new Map<string, Promise<LeadEnd>>();
  /** Boards led elsewhere, until when they are left alone. */
  readonly #elsewhere = new Map<string, number>();
  readonly #stop = new AbortController();
  #runtime: Runtime | undefined;
  #cancelLook: Cancel = () => undefined;
  #started = false;

  constructor(ports: AgentsPorts, order: (order: Order) => void) {
    this.#ports = ports;
    this.#order = order;
    this.actor = boardActor((id, signal) => this.#leadUnder(id, signal));
  }

  start(runtime?: Runtime): void {
    this.#started = true;
    this.#runtime = runtime;
    this.#ports.hints.on((id) => this.#hinted(id));
    this.#lookSoon();
  }

  /** Gives every board up, in order. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelLook();
    await Promise.allSettled(this.#leading.values());
  }

  /** Sees to it that somebody leads the board and looks at it now. */
  evaluateProgress(id: string): void {
    if (!this.#started || this.#stop.signal.aborted) return;
    if (this.#runtime !== undefined) this.#runtime.actor(this.actor, id).send({ type: 'wake' });
    else void this.#lead(id, this.#stop.signal);
  }

  /** What the board has to say, as it is. */
  synthesize(board: Board, reason: Reason = 'asked'): Solution {
    return synthesize(board, reason);
  }

  #hinted(id: string): void {
    if (!this.#leading.has(id) && this.#runtime === undefined && !this.#isElsewhere(id))
      void this.#lead(id, this.#stop.signal);
  }

  #leadUnder(id: string, signal: AbortSignal): Promise<LeadEnd> {
    return this.#lead(id, AbortSignal.any([signal, this.#stop.signal]));
  }

  #lead(id: string, signal: AbortSignal): Promise<LeadEnd> {
    const known = this.#leading.get(id);
    if (known !== undefined) return known;
    if (signal.aborted || this.#leading.size >= MOST_LED) return Promise.resolve('stopped');
    const leading = this.#leadToItsEnd(id, signal);
    this.#leading.set(id, leading);
    return leading;
  }

  async #leadToItsEnd(id: string, signal: AbortSignal): Promise<LeadEnd> {
    for (;;) {
      const end = await this.#leadOnce(id, signal);
      if (end === 'elsewhere' || end === 'unavailable') {
        if (this.#elsewhere.size >= MOST_LED) this.#elsewhere.clear();
        this.#elsewhere.set(id, this.#ports.clock.nowMs() + LEASE_MS / 2);
      }
      // Something may have been contributed while the lease was given back.
      if (end !== 'over' || !(await this.#isAwake(id))) {
        this.#leading.delete(id);
        return end;
      }
    }
  }

  async #leadOnce(id: string, signal: AbortSignal): Promise<LeadEnd> {
    try {
      return await new Lead(this.#ports, id, this.#order).run(signal);
    } catch (fault) {
      this.#ports.onFault(fault);
      return 'unavailable';
    }
  }

  async #isAwake(id: string): Promise<boolean> {
    try {
      const head = await this.#ports.store.head(id);
      return head !== undefined && isOpen(head.status);
    } catch (fault) {
      this.#ports.onFault(fault);
      return false;
    }
  }

  #isElsewhere(id: string): boolean {
    const untilMs = this.#elsewhere.get(id);
    if (untilMs === undefined) return false;
    if (untilMs > this.#ports.clock.nowMs()) return true;
    this.#elsewhere.delete(id);
    return false;
  }

  #lookSoon(): void {
    if (this.#stop.signal.aborted) return;
    const delayMs = LOOK_MS * (0.8 + 0.4 * this.#ports.entropy.random());
    this.#cancelLook = this.#ports.clock.background(delayMs, () => {
      void this.#look().finally(() => this.#lookSoon());
    });
  }

  async #look(): Promise<void> {
    try {
      for (const id of await this.#ports.store.open(MOST_LED)) {
        if (!this.#leading.has(id) && !this.#isElsewhere(id)) this.evaluateProgress(id);
      }
    } catch (fault) {
      if (!(fault instanceof CoordinationError)) throw fault;
      this.#ports.onFault(fault);
    }
  }
}
