// Node lease
//
// The one lease by which a node incarnation says that it is alive. While it holds, no other node
// takes this one's shards; once it has lapsed, the incarnation is over for good.
//
//   NL1  `certain` is computed from the send of the last renewal, less the drift: false in the
//        first statement after a stall.
//   NL2  Lost once is lost for ever; the node goes on under another incarnation.
import type { Cancel, Clock, JsonObject, Lease, LockManager } from '@devmentor/locks';
import type { Incarnation } from './state-store.ts';

export const NODE_PREFIX = 'node/';

export interface NodeLeaseOptions {
  readonly locks: LockManager;
  readonly clock: Clock;
  readonly incarnation: Incarnation;
  readonly meta: JsonObject;
  readonly termMs: number;
  readonly renewMs: number;
  readonly onLost: () => void;
  /** At each beat: how late it was, and what is left of the lease. */
  readonly onBeat: (lateMs: number, marginMs: number) => void;
}

export class NodeLease {
  readonly incarnation: Incarnation;
  readonly #lease: Lease;
  readonly #options: NodeLeaseOptions;
  #beat: Cancel = () => {};
  #over = false;

  /** Rejects with the fault when the store cannot answer. */
  static async claim(options: NodeLeaseOptions): Promise<NodeLease> {
    const { locks, incarnation, meta, termMs } = options;
    const lease = await locks.acquire(NODE_PREFIX + incarnation, {
      ttlMs: termMs,
      holder: { id: incarnation },
      requestId: incarnation,
      renew: 'manual',
      meta,
    });
    return new NodeLease(options, lease);
  }

  private constructor(options: NodeLeaseOptions, lease: Lease) {
    this.incarnation = options.incarnation;
    this.#options = options;
    this.#lease = lease;
    lease.signal.addEventListener('abort', () => this.#lost(), { once: true });
    this.#beatSoon();
  }

  /** How long it surely holds. */
  get marginMs(): number {
    return this.#over ? 0 : this.#lease.remainingMs();
  }

  get certain(): boolean {
    return !this.#over && this.#lease.valid;
  }

  async release(): Promise<void> {
    this.#end();
    await this.#lease.release();
  }

  /** Stops renewing without a word to the store, as a crash would. */
  abandon(): void {
    this.#end();
  }

  #beatSoon(): void {
    const { clock, renewMs, onBeat } = this.#options;
    const dueMs = clock.nowMs() + renewMs;
    this.#beat = clock.background(renewMs, () => {
      onBeat(clock.nowMs() - dueMs, this.#lease.remainingMs());
      this.#beatSoon();
      void this.#lease.renew().then((outcome) => {
        if (outcome.kind === 'ended') this.#lost();
      });
    });
  }

  #lost(): void {
    if (this.#over) return;
    this.#end();
    this.#options.onLost();
  }

  #end(): void {
    this.#over = true;
    this.#beat();
  }
}
