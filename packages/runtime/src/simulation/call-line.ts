// Call line
//
// The connection of one process to one service: what it asks takes effect there in the order it was
// asked, and the answers come back in that order. Either may be lost; then the caller gives up in time,
// and does not know.
import { CoordinationError } from '@devmentor/locks';
import type { Process } from './process.ts';
import { Lane, type Service, type Wire } from './wire.ts';

export class CallLine {
  readonly #wire: Wire;
  readonly #process: Process;
  readonly #service: Service;
  readonly #there: Lane;
  readonly #back: Lane;

  constructor(wire: Wire, process: Process, service: Service) {
    this.#wire = wire;
    this.#process = process;
    this.#service = service;
    this.#there = new Lane(wire, service);
    this.#back = new Lane(wire, wire.node);
  }

  /** Has `work` done at the service. */
  call<T>(label: string, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const { network } = this.#wire;
      const { time, trace } = network;
      if (this.#process.state === 'dead') return;
      this.#wire.cross();
      // Whatever code of a dead process goes on to say, nobody hears it.
      if (this.#isDead()) return;
      const id = network.newId();
      const sentMs = time.nowMs;
      const what = this.#wire.nextCall(this.#service);
      trace.add({ kind: 'send', atMs: time.worldMs, node: this.#wire.node, id, to: this.#service, label });
      const answer: Answer<T> = { label, sentMs, resolve, reject };
      if (what === 'refused') {
        trace.add({ kind: 'lost', atMs: time.worldMs, node: this.#wire.node, id, why: 'refused' });
        this.#back.deliver(() => this.#reach(() => reject(refused(this.#service, label))));
      } else if (what === 'lost-request' || this.#wire.isCut(this.#service, 'out')) {
        trace.add({ kind: 'lost', atMs: time.worldMs, node: this.#wire.node, id, why: what ?? 'cut' });
        this.#giveUp(answer);
      } else if (what === 'late') {
        this.#giveUp(answer);
        this.#there.deliverLate(network.callTimeoutMs, () => {
          this.#arrive(id, label);
          work().catch(() => {});
        });
      } else {
        time.deliver(this.#there.dueMs(network.slowMs[this.#service]), this.#there, () => {
          this.#arrive(id, label);
          const reply = (said: string, settle: () => void): void =>
            this.#reply(answer, said, what === 'lost-reply', settle);
          work().then(
            (value) => reply(gist(value), () => resolve(value)),
            (fault: unknown) => reply('failed', () => reject(fault as Error)),
          );
        });
      }
      this.#wire.cross();
    });
  }

  /** The service tells the process something it did not ask for at this moment. */
  notify(label: string, hear: () => void): void {
    const { network } = this.#wire;
    const { time, trace } = network;
    if (this.#isDead()) return;
    const id = network.newId();
    trace.add({ kind: 'send', atMs: time.worldMs, node: this.#service, id, to: this.#wire.node, label });
    if (this.#wire.isCut(this.#service, 'in')) {
      trace.add({ kind: 'lost', atMs: time.worldMs, node: this.#wire.node, id, why: 'cut' });
      return;
    }
    this.#back.deliver(() =>
      this.#reach(() => {
        trace.add({ kind: 'arrive', atMs: time.worldMs, node: this.#wire.node, id, from: this.#service, label });
        hear();
      }),
    );
  }

  #arrive(id: number, label: string): void {
    const { time, trace } = this.#wire.network;
    trace.add({ kind: 'arrive', atMs: time.worldMs, node: this.#service, id, from: this.#wire.node, label });
  }

  #reply<T>(answer: Answer<T>, said: string, isLost: boolean, settle: () => void): void {
    const { time, trace, newId, slowMs, callTimeoutMs } = this.#wire.network;
    const id = newId();
    const label = `${answer.label}: ${said}`;
    trace.add({ kind: 'send', atMs: time.worldMs, node: this.#service, id, to: this.#wire.node, label });
    if (this.#isDead()) return;
    const isCut = this.#wire.isCut(this.#service, 'in');
    const dueMs = this.#back.dueMs(slowMs[this.#service]);
    if (isLost || isCut || dueMs > answer.sentMs + callTimeoutMs) {
      const why = isLost ? 'lost-reply' : isCut ? 'cut' : 'too late';
      trace.add({ kind: 'lost', atMs: time.worldMs, node: this.#wire.node, id, why });
      this.#giveUp(answer);
      return;
    }
    time.deliver(dueMs, this.#back, () =>
      this.#reach(() => {
        trace.add({ kind: 'arrive', atMs: time.worldMs, node: this.#wire.node, id, from: this.#service, label });
        settle();
      }),
    );
  }

  #giveUp<T>({ label, sentMs, reject }: Answer<T>): void {
    const { time, callTimeoutMs } = this.#wire.network;
    time.at(sentMs + callTimeoutMs, () => this.#reach(() => reject(lost(this.#service, label, callTimeoutMs))));
  }

  /** Something reaches the process, when it runs. */
  #reach(hear: () => void): void {
    this.#process.pass(() => {
      this.#wire.cross();
      if (!this.#isDead()) hear();
    });
  }

  #isDead(): boolean {
    return this.#process.state === 'dead';
  }
}

interface Answer<T> {
  readonly label: string;
  readonly sentMs: number;
  readonly resolve: (value: T) => void;
  readonly reject: (fault: Error) => void;
}

/** What kind of answer it was, in a word or two. */
function gist(value: unknown): string {
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'object' || value === null) return 'done';
  if ('outcomes' in value && Array.isArray(value.outcomes))
    return value.outcomes.map((outcome: unknown) => gist(outcome)).join(', ');
  return 'kind' in value ? String(value.kind) : 'done';
}

function refused(service: Service, label: string): CoordinationError {
  return new CoordinationError('STORE_UNAVAILABLE', `${service} refused ${label}`, { applied: 'no' });
}

function lost(service: Service, label: string, waitedMs: number): CoordinationError {
  return new CoordinationError('REPLY_LOST', `${service} did not answer ${label} within ${waitedMs} ms`, {
    applied: 'unknown',
  });
}
