// Served shard
//
// A shard while this node owns it: its epoch, its actors in memory, its way to the store. Made
// after the seal; gone for good once another owner was seen, or it was given up.
//
//   SS1  Every access to the store carries the epoch of the seal.
//   SS2  It is certain only under the lease of the incarnation that sealed it, not a later one's.
//   SS3  Once it is closed it answers every request `elsewhere`, and nothing of it commits.
import type { Clock } from '@devmentor/locks';
import { CoordinationError } from '@devmentor/locks';
import { Activation } from './activation.ts';
import type { ActivationHost } from './activation-host.ts';
import type { ActorId } from './actor-id.ts';
import { Committer } from './committer.ts';
import type { Window } from './delay-policy.ts';
import type { Answer, Request } from './envelope.ts';
import type { Stepper } from './group-step.ts';
import type { Inspection } from './inspection.ts';
import { MachineFailed } from './machine-driver.ts';
import type { MailLoad } from './mail-load.ts';
import type { NodePorts } from './node-ports.ts';
import type { Commit, Epoch, Incarnation, OutboxRow, Shard } from './state-store.ts';
import { StepSpans } from './step-spans.ts';

export class ServedShard implements ActivationHost {
  readonly shard: Shard;
  readonly epoch: Epoch;
  readonly clock: Clock;
  readonly mailLoad: MailLoad;
  windows: readonly Window[] = [];
  readonly #by: Incarnation;
  readonly #ports: NodePorts;
  readonly #committer: Committer;
  readonly #actors = new Map<ActorId, Activation>();
  readonly #onFenced: (shard: ServedShard) => void;
  /** Actors that the node's timers are set for. */
  readonly #timed = new Set<ActorId>();
  #commits = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(
    ports: NodePorts,
    seal: { readonly shard: Shard; readonly by: Incarnation; readonly epoch: Epoch },
    onFenced: (shard: ServedShard) => void,
  ) {
    this.shard = seal.shard;
    this.epoch = seal.epoch;
    this.clock = ports.clock;
    this.mailLoad = ports.mailLoad;
    this.#by = seal.by;
    this.#ports = ports;
    this.#committer = new Committer(ports.state, seal.shard, seal.epoch);
    this.#onFenced = onFenced;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get residents(): number {
    return this.#actors.size;
  }

  /** Answers once, or never where the outcome cannot be known. */
  receive(request: Request, answer: (answer: Answer) => void): void {
    if (this.#state !== 'open') {
      answer({ kind: 'elsewhere' });
      return;
    }
    if (request.op === 'inspect') {
      answer({ kind: 'inspected', actor: this.inspect(request.id) });
      return;
    }
    const activation = this.#activation(request.id);
    if (activation === undefined) {
      if (this.lacks(typeOf(request.id), 1)) {
        answer({ kind: 'elsewhere' });
        return;
      }
      const message = `No actors of the type of ${request.id} are defined here`;
      answer({ kind: 'fault', fault: { code: 'UNKNOWN_TYPE', message, applied: 'no' } });
      return;
    }
    if (request.op === 'deliver') activation.deliver(request, answer);
    else if (request.op === 'order') activation.order(request, answer);
    else activation.show(request, answer);
  }

  /** How an actor is doing; it is not woken for that. */
  inspect(id: ActorId): Inspection {
    const resident = this.#actors.get(id);
    return resident?.inspect() ?? { id, phase: 'absent', waiting: 0, owes: [], invokes: [], blocked: [] };
  }

  /** Activates an actor and makes sure it exists. */
  wake(id: ActorId): void {
    if (this.#state === 'open') this.#activation(id)?.wake();
  }

  /** Activates an actor that is known to exist, for what it owes. */
  activate(id: ActorId): void {
    if (this.#state === 'open') this.#activation(id);
  }

  /** Something of this actor is due. */
  ring(id: ActorId): void {
    if (this.#state !== 'open') return;
    const resident = this.#actors.get(id);
    if (resident === undefined) this.#activation(id);
    else resident.ring();
  }

  /** Takes nothing more and waits until no commit is under way; for a hand-over. */
  async quiesce(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closing';
    await Promise.all([...this.#actors.values()].map((activation) => activation.settled()));
    this.close();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const activation of [...this.#actors.values()]) activation.drop();
    for (const id of this.#timed) this.#ports.timers.set(id, undefined);
    this.#timed.clear();
  }

  // What the activations ask of it.

  storeNowMs(): number {
    return this.#ports.storeClock.nowMs();
  }

  async load(id: ActorId): ReturnType<ActivationHost['load']> {
    return await this.#ports.state.load(this.shard, this.epoch, id);
  }

  pumpSoon(activation: Activation): void {
    this.#ports.pumps.add(activation);
  }

  nextCommitId(): string {
    return `${this.epoch}:${++this.#commits}`;
  }

  commit(commit: Commit): ReturnType<ActivationHost['commit']> {
    return this.#committer.commit(commit);
  }

  certain(): boolean {
    return this.#state !== 'closed' && this.#ports.isCertain(this.#by);
  }

  confirm(): Promise<boolean> {
    return this.#ports.state.confirm(this.shard, this.epoch);
  }

  fenced(): void {
    if (this.#state === 'closed') return;
    this.#ports.counts.fenced++;
    this.close();
    this.#onFenced(this);
  }

  /** Whether asking again may help: the store was not reached, as opposed to what it holds being unusable. */
  isTransient(fault: unknown): boolean {
    return (
      fault instanceof CoordinationError &&
      !(fault instanceof MachineFailed) &&
      (fault.code === 'STORE_UNAVAILABLE' || fault.code === 'REPLY_LOST')
    );
  }

  lacks(type: string, version: number): boolean {
    return this.#ports.lacks(this.shard, type, version);
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.background(ms, resolve);
    });
  }

  deliver(from: ActorId, row: Parameters<ActivationHost['deliver']>[1], signal: AbortSignal): Promise<Answer> {
    return this.#ports.deliverOwed(from, row, signal);
  }

  ask(...asked: Parameters<ActivationHost['ask']>): ReturnType<ActivationHost['ask']> {
    return this.#ports.ask(...asked);
  }

  tellOnce(row: OutboxRow): void {
    this.#ports.tellOnce(row);
  }

  stepped(...[{ id, driver }, steps, version]: Parameters<ActivationHost['stepped']>): void {
    this.#ports.feed?.stepped(id, driver, steps);
    this.#ports.viewers.stepped(id, steps, { version, epoch: this.epoch });
  }

  published(events: Parameters<ActivationHost['published']>[0]): void {
    for (const event of events) this.#ports.hints.published(event);
  }

  emitted(...[id, event]: Parameters<ActivationHost['emitted']>): void {
    this.#ports.hints.emitted(id, event);
  }

  wakeAt(id: ActorId, dueAtMs: number | undefined): void {
    if (dueAtMs === undefined) this.#timed.delete(id);
    else this.#timed.add(id);
    this.#ports.timers.set(id, dueAtMs === undefined ? undefined : this.#ports.storeClock.toClock(dueAtMs));
  }

  spans({ id, behavior: { name } }: Stepper): StepSpans | undefined {
    const tracing = this.#ports.tracing();
    return tracing && new StepSpans(tracing, { id, type: name, epoch: this.epoch });
  }

  within<Result>(traceparent: string | undefined, work: () => Result): Result {
    const tracing = this.#ports.tracing();
    return tracing === undefined ? work() : tracing.within(traceparent, work);
  }

  random(): number {
    return this.#ports.entropy.random();
  }

  gaveUp(type: string): void {
    this.#ports.breaker.gaveUp(type, this.clock.nowMs());
  }

  heldMs(type: string): number {
    return this.#ports.breaker.heldMs(type, this.clock.nowMs());
  }

  used(activation: Activation): void {
    this.#ports.residents.used(activation, this.clock.nowMs());
    this.#ports.onUsed();
    for (const surplus of this.#ports.residents.surplus()) if (surplus !== activation) surplus.passivate();
  }

  left(activation: Activation): void {
    this.#actors.delete(activation.id);
    this.#ports.residents.gone(activation);
    this.#ports.feed?.left(activation.id);
  }

  onDeadLetter(...[letter]: Parameters<ActivationHost['onDeadLetter']>): void {
    this.#ports.onDeadLetter(letter);
  }

  onFault(fault: unknown): void {
    this.#ports.onFault(fault);
  }

  onLog(...[id, effect]: Parameters<ActivationHost['onLog']>): void {
    this.#ports.onLog(id, effect);
  }

  #activation(id: ActorId): Activation | undefined {
    const resident = this.#actors.get(id);
    if (resident !== undefined) return resident;
    const kind = this.#ports.kindOf(id);
    if (kind === undefined) return undefined;
    const { name, version, durable } = kind.behavior;
    if (durable) this.#ports.serves(this.shard, name, version);
    const activation = new Activation(this, kind, id);
    this.#actors.set(id, activation);
    return activation;
  }
}

function typeOf(id: ActorId): string {
  return id.slice(0, id.indexOf(':'));
}
