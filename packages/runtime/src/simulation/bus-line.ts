// Bus line
//
// The connection of one process to the bus. Who is reached by what is the product's own memory bus to
// say; this line only takes time, and suffers faults.

import { Requests } from '../requests.ts';
import { checkPattern, checkQueue, checkSubject } from '../subject.ts';
import type { MemoryTransport } from '../transport.memory.ts';
import {
  checkBody,
  type Message,
  type RequestOutcome,
  type Subscription,
  type Transport,
  TransportError,
  type TransportStatus,
} from '../transport.ts';
import type { Process } from './process.ts';
import { Lane, type Wire } from './wire.ts';

export class BusLine implements Transport {
  readonly #wire: Wire;
  readonly #process: Process;
  /** Its end at the bus. */
  readonly #far: MemoryTransport;
  readonly #requests: Requests;
  readonly #watchers = new Set<(status: TransportStatus) => void>();
  #there: Lane;
  #back: Lane;
  #status: TransportStatus = 'connected';
  /** Rises with every cut: what was on its way then does not arrive after it. */
  #link = 0;

  constructor(wire: Wire, process: Process, far: MemoryTransport) {
    this.#wire = wire;
    this.#process = process;
    this.#far = far;
    this.#requests = new Requests(process);
    this.#there = new Lane(wire, 'bus');
    this.#back = new Lane(wire, wire.node);
    // What it had sent arrives, and then the end of its connection.
    process.onDeath(() => this.#there.deliver(() => void far.close()));
  }

  get status(): TransportStatus {
    return this.#status;
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    this.#watchers.add(listener);
    return () => void this.#watchers.delete(listener);
  }

  publish(subject: string, body: Buffer): void {
    checkSubject(subject);
    checkBody(body, subject);
    this.#assertConnected();
    this.#send(subject, () => this.#far.publish(subject, body));
  }

  async subscribe(
    subject: string,
    handler: (message: Message) => void,
    options: { readonly queue?: string } = {},
  ): Promise<Subscription> {
    checkPattern(subject);
    if (options.queue !== undefined) checkQueue(options.queue);
    this.#assertConnected();
    let open = true;
    const hear = (message: Message): void =>
      this.#receive(message.subject, () => {
        if (open && this.#status !== 'closed') this.#hand(handler, this.#answerable(message));
      });
    let held: Subscription | undefined;
    const end = async (): Promise<void> => {
      if (!open || this.#isDead()) return;
      open = false;
      // A connection repeats what it lost until the server has it, so this is not lost.
      this.#there.deliver(() => void held?.unsubscribe());
      if (this.#status === 'connected') await this.#confirmed(`unsubscribe ${subject}`, async () => {}).catch(() => {});
    };
    try {
      await this.#confirmed(`subscribe ${subject}`, async () => {
        held = await this.#far.subscribe(subject, hear, options);
      });
    } catch (fault) {
      void end();
      throw fault;
    }
    return { unsubscribe: end };
  }

  async request(
    subject: string,
    body: Buffer,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<RequestOutcome> {
    checkSubject(subject);
    checkBody(body, subject);
    return await this.#requests.open(options, (pending) => {
      if (this.#status !== 'connected') return this.#requests.unsent(pending);
      const id = this.#requests.number([pending]);
      this.#send(subject, () => {
        const asked = this.#far.request(subject, body, { timeoutMs: LONGEST_REQUEST_MS });
        void asked.then((outcome) => {
          if (outcome.kind === 'reply')
            this.#receive(`reply to ${subject}`, () => this.#requests.answer(id, outcome.body));
          else if (outcome.kind === 'no-responders')
            this.#receive(`nobody at ${subject}`, () => this.#requests.nobody(id, 1));
        });
      });
    });
  }

  async close(): Promise<void> {
    if (this.#status === 'closed') return;
    this.#become('closed');
    this.#requests.loseAll('closed');
    await this.#far.close();
  }

  /** Both ends notice that the connection broke; what is on its way is gone. */
  disconnect(): void {
    if (this.#status !== 'connected') return;
    this.#link += 1;
    this.#far.disconnect();
    this.#become('disconnected');
    this.#requests.loseAll('disconnected');
  }

  reconnect(): void {
    if (this.#status !== 'disconnected') return;
    this.#there = new Lane(this.#wire, 'bus');
    this.#back = new Lane(this.#wire, this.#wire.node);
    this.#far.reconnect();
    this.#become('connected');
  }

  /** A round trip to the bus; rejects when there is no answer in time, or no link. */
  #confirmed(label: string, work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (why: string): void => {
        settle();
        reject(new TransportError('TRANSPORT_UNAVAILABLE', `${label} was not confirmed: ${why}`));
      };
      const forget = this.onStatus((status) => refuse(status));
      const cancel = this.#process.background(PATIENCE_MS, () => refuse(`no answer within ${PATIENCE_MS} ms`));
      const settle = (): void => {
        forget();
        cancel();
      };
      this.#send(label, () => {
        const done = (): void =>
          this.#receive(`${label}: done`, () => {
            settle();
            resolve();
          });
        work().then(done, () => {});
      });
    });
  }

  #answerable(message: Message): Message {
    const { subject, body, respond } = message;
    if (respond === undefined) return message;
    let answered = false;
    return {
      subject,
      body,
      respond: (reply) => {
        if (answered || this.#status !== 'connected') return;
        checkBody(reply, subject);
        answered = true;
        this.#send(`reply to ${subject}`, () => respond(reply));
      },
    };
  }

  #hand(handler: (message: Message) => void, message: Message): void {
    try {
      handler(message);
    } catch (bug) {
      this.#process.soon(() => {
        throw bug;
      });
    }
  }

  /** Leaves the node, and has `arrive` done at the bus, unless it is lost on the way. */
  #send(label: string, arrive: () => void): void {
    const { network, node } = this.#wire;
    const { time, trace } = network;
    if (this.#process.state === 'dead') return;
    this.#wire.cross();
    if (this.#isDead()) return;
    const fault = this.#wire.nextMessage();
    const link = this.#link;
    for (let copies = fault?.what === 'duplicate' ? 2 : 1; copies > 0; copies--) {
      const id = network.newId();
      trace.add({ kind: 'send', atMs: time.worldMs, node, id, to: 'bus', label });
      if (fault?.what === 'drop' || this.#wire.isCut('bus', 'out')) {
        trace.add({ kind: 'lost', atMs: time.worldMs, node, id, why: fault?.what ?? 'cut' });
        continue;
      }
      const come = (): void => {
        if (link !== this.#link || this.#far.status !== 'connected') return;
        trace.add({ kind: 'arrive', atMs: time.worldMs, node: 'bus', id, from: node, label });
        arrive();
      };
      if (fault?.what === 'delay') this.#there.deliverLate(fault.byMs ?? DELAY_MS, come);
      else this.#there.deliver(come);
    }
    this.#wire.cross();
  }

  /** Comes from the bus, and is heard when the process runs. */
  #receive(label: string, hear: () => void): void {
    const { network, node } = this.#wire;
    const { time, trace } = network;
    if (this.#isDead()) return;
    const id = network.newId();
    const link = this.#link;
    trace.add({ kind: 'send', atMs: time.worldMs, node: 'bus', id, to: node, label });
    if (this.#wire.isCut('bus', 'in')) {
      trace.add({ kind: 'lost', atMs: time.worldMs, node, id, why: 'cut' });
      return;
    }
    this.#back.deliver(() =>
      this.#process.pass(() => {
        if (link !== this.#link) return;
        this.#wire.cross();
        if (this.#isDead()) return;
        trace.add({ kind: 'arrive', atMs: time.worldMs, node, id, from: 'bus', label });
        hear();
      }),
    );
  }

  #become(status: TransportStatus): void {
    this.#status = status;
    this.#process.pass(() => {
      for (const watcher of [...this.#watchers]) watcher(status);
    });
  }

  #assertConnected(): void {
    if (this.#status !== 'connected')
      throw new TransportError('TRANSPORT_UNAVAILABLE', `the transport is ${this.#status}`);
  }

  #isDead(): boolean {
    return this.#process.state === 'dead';
  }
}

/** The far end waits for longer than any request does; the near one counts the time. */
const LONGEST_REQUEST_MS = 600_000;
const DELAY_MS = 20;
/** As that of the adapter for a real network. */
const PATIENCE_MS = 2_000;
