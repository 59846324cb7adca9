import type { Unsubscribe } from './clock.ts';
import type {
  AnswerOutcome,
  Breaking,
  FencingToken,
  HandedOver,
  HandOff,
  HandOffOutcome,
  Holder,
  JsonObject,
  Lease,
  LeaseState,
  LossReason,
  ReleaseOutcome,
  RenewOutcome,
  TakeoverAnswer,
} from './lease.ts';

/** One party's hold on a shared lease: the same lease, with a release of its own. */
export class SharedLease implements Lease {
  readonly #lease: Lease;
  readonly #leave: () => Promise<ReleaseOutcome>;
  #left: Promise<ReleaseOutcome> | undefined;

  constructor(lease: Lease, leave: () => Promise<ReleaseOutcome>) {
    this.#lease = lease;
    this.#leave = leave;
  }

  get resource(): string {
    return this.#lease.resource;
  }
  get leaseId(): string {
    return this.#lease.leaseId;
  }
  get requestId(): string {
    return this.#lease.requestId;
  }
  get holder(): Holder {
    return this.#lease.holder;
  }
  get instance(): string {
    return this.#lease.instance;
  }
  get fence(): FencingToken {
    return this.#lease.fence;
  }
  get ttlMs(): number {
    return this.#lease.ttlMs;
  }
  get gen(): number {
    return this.#lease.gen;
  }
  get grantedAtMs(): number {
    return this.#lease.grantedAtMs;
  }
  get untilMs(): number {
    return this.#lease.untilMs;
  }
  get meta(): JsonObject | undefined {
    return this.#lease.meta;
  }
  get state(): LeaseState {
    return this.#left === undefined ? this.#lease.state : 'released';
  }
  get lossReason(): LossReason | undefined {
    return this.#lease.lossReason;
  }
  get valid(): boolean {
    return this.#left === undefined && this.#lease.valid;
  }
  get signal(): AbortSignal {
    return this.#lease.signal;
  }
  remainingMs(): number {
    return this.#left === undefined ? this.#lease.remainingMs() : 0;
  }
  assertValid(): void {
    this.#lease.assertValid();
  }
  renew(): Promise<RenewOutcome> {
    return this.#left === undefined ? this.#lease.renew() : Promise.resolve({ kind: 'ended', how: 'released' });
  }
  renewal(mode: 'auto' | 'manual'): void {
    this.#lease.renewal(mode);
  }
  share(): Lease {
    return this.#lease.share();
  }
  get breaking(): Breaking | undefined {
    return this.#lease.breaking;
  }
  get handedOver(): HandedOver | undefined {
    return this.#lease.handedOver;
  }
  onTakeover(listener: (takeover: Breaking | undefined) => void): Unsubscribe {
    return this.#lease.onTakeover(listener);
  }
  answerTakeover(answer: TakeoverAnswer): Promise<AnswerOutcome> {
    return this.#left === undefined
      ? this.#lease.answerTakeover(answer)
      : Promise.resolve({ kind: 'ended', how: 'released' });
  }
  handOff(handOff: HandOff): Promise<HandOffOutcome> {
    return this.#left === undefined
      ? this.#lease.handOff(handOff)
      : Promise.resolve({ kind: 'ended', how: 'released' });
  }
  release(): Promise<ReleaseOutcome> {
    this.#left ??= this.#leave();
    return this.#left;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  [Symbol.dispose](): void {
    void this.release();
  }
}
