// The transport within one process: one bus, any number of nodes. Delivery is asynchronous and in
// order, through the injected clock, so that a simulation owns every turn of it.
import { assert, type Clock } from '@devmentor/locks';
import { Requests } from './requests.ts';
import { checkPattern, checkQueue, checkSubject, matches } from './subject.ts';
import {
  checkBody,
  type Message,
  type RequestOutcome,
  type Subscription,
  type Transport,
  TransportError,
  type TransportStatus,
} from './transport.ts';

interface Listener {
  readonly subject: string;
  readonly tokens: readonly string[];
  readonly wild: boolean;
  readonly queue: string | undefined;
  readonly handler: (message: Message) => void;
  readonly on: MemoryTransport;
  open: boolean;
}

interface Letter {
  readonly subject: string;
  readonly body: Buffer;
  readonly respond: ((body: Buffer) => void) | undefined;
  readonly nobody: (() => void) | undefined;
}

/** What the memory transports of one process share. */
export class MemoryBus {
  readonly #clock: Clock;
  /** By their subject; those with wildcards apart, since each of them has to be looked at. */
  readonly #exact = new Map<string, Set<Listener>>();
  readonly #wild = new Set<Listener>();
  /** Whose turn it is in each queue group. */
  readonly #turns = new Map<string, number>();
  #line: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A node's own transport. */
  connect(): MemoryTransport {
    return new MemoryTransport(this, this.#clock);
  }

  listen(listener: Listener): void {
    if (listener.wild) {
      this.#wild.add(listener);
      return;
    }
    const others = this.#exact.get(listener.subject);
    if (others === undefined) this.#exact.set(listener.subject, new Set([listener]));
    else others.add(listener);
  }

  forget(listener: Listener): void {
    listener.open = false;
    this.#wild.delete(listener);
    const others = this.#exact.get(listener.subject);
    others?.delete(listener);
    if (others?.size === 0) this.#exact.delete(listener.subject);
  }

  /** Joins the one line in which everything is delivered. */
  enqueue(work: () => void): void {
    this.#line.push(work);
    if (this.#line.length === 1) this.#clock.soon(() => this.#deliver());
  }

  /** Hands a letter to whom it reaches at this moment. */
  hand(letter: Letter): void {
    const reached = this.#reached(letter.subject);
    if (reached.length === 0) letter.nobody?.();
    for (const listener of reached) listener.on.receive(listener, letter);
  }

  #reached(subject: string): readonly Listener[] {
    const reached: Listener[] = [];
    const groups = new Map<string, Listener[]>();
    const reach = (listener: Listener): void => {
      if (listener.on.status !== 'connected') return;
      if (listener.queue === undefined) {
        reached.push(listener);
        return;
      }
      const members = groups.get(listener.queue);
      if (members === undefined) groups.set(listener.queue, [listener]);
      else members.push(listener);
    };
    for (const listener of this.#exact.get(subject) ?? []) reach(listener);
    for (const listener of this.#wild) if (matches(listener.tokens, subject)) reach(listener);
    for (const [queue, members] of groups) reached.push(this.#chosen(queue, members));
    return reached;
  }

  /** The members take turns. */
  #chosen(queue: string, members: readonly Listener[]): Listener {
    const turn = this.#turns.get(queue) ?? 0;
    this.#turns.set(queue, turn + 1);
    const chosen = members[turn % members.length];
    assert(chosen !== undefined, 'a queue group has members');
    return chosen;
  }

  #deliver(): void {
    const line = this.#line;
    this.#line = [];
    for (const work of line) work();
  }
}

/** One node's end of a `MemoryBus`. Its link can be cut and mended, as a network's. */
export class MemoryTransport implements Transport {
  readonly #bus: MemoryBus;
  readonly #clock: Clock;
  readonly #requests: Requests;
  readonly #own = new Set<Listener>();
  readonly #watchers = new Set<(status: TransportStatus) => void>();
  #status: TransportStatus = 'connected';
  /** Rises with every cut: what was on its way then does not arrive after it. */
  #link = 0;

  constructor(bus: MemoryBus, clock: Clock) {
    this.#bus = bus;
    this.#clock = clock;
    this.#requests = new Requests(clock);
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
    if (this.#status !== 'connected')
      throw new TransportError('TRANSPORT_UNAVAILABLE', `the transport is ${this.#status}`);
    this.#send({ subject, body, respond: undefined, nobody: undefined });
  }

  async subscribe(
    subject: string,
    handler: (message: Message) => void,
    options: { readonly queue?: string } = {},
  ): Promise<Subscription> {
    checkPattern(subject);
    if (options.queue !== undefined) checkQueue(options.queue);
    if (this.#status !== 'connected')
      throw new TransportError('TRANSPORT_UNAVAILABLE', `the transport is ${this.#status}`);
    const listener: Listener = {
      subject,
      tokens: subject.split('.'),
      wild: /[*>]/.test(subject),
      queue: options.queue,
      handler,
      on: this,
      open: true,
    };
    this.#own.add(listener);
    this.#bus.listen(listener);
    const unsubscribe = async (): Promise<void> => {
      this.#own.delete(listener);
      this.#bus.forget(listener);
    };
    return { unsubscribe };
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
      this.#send({
        subject,
        body,
        respond: (reply) => this.#back(() => this.#requests.answer(id, reply)),
        nobody: () => this.#back(() => this.#requests.nobody(id, 1)),
      });
    });
  }

  async close(): Promise<void> {
    if (this.#status === 'closed') return;
    for (const listener of this.#own) this.#bus.forget(listener);
    this.#own.clear();
    this.#become('closed');
    this.#requests.loseAll('closed');
  }

  /** Cuts the link: what is on its way is gone. */
  disconnect(): void {
    if (this.#status !== 'connected') return;
    this.#link += 1;
    this.#become('disconnected');
    this.#requests.loseAll('disconnected');
  }

  /** Mends the link; the subscriptions are in force again. */
  reconnect(): void {
    if (this.#status === 'disconnected') this.#become('connected');
  }

  /** Called by the bus for a subscription of this end. */
  receive(listener: Listener, letter: Letter): void {
    if (!listener.open) return;
    let answered = false;
    const { subject, body, respond } = letter;
    const message: Message =
      respond === undefined
        ? { subject, body }
        : {
            subject,
            body,
            respond: (reply) => {
              if (answered || this.#status !== 'connected') return;
              checkBody(reply, subject);
              answered = true;
              respond(reply);
            },
          };
    try {
      listener.handler(message);
    } catch (bug) {
      this.#clock.soon(() => {
        throw bug;
      });
    }
  }

  #send(letter: Letter): void {
    const link = this.#link;
    this.#bus.enqueue(() => {
      if (this.#status === 'connected' && link === this.#link) this.#bus.hand(letter);
    });
  }

  /** What comes back to this end, if it is still the same link. */
  #back(work: () => void): void {
    const link = this.#link;
    this.#bus.enqueue(() => {
      if (this.#status === 'connected' && link === this.#link) work();
    });
  }

  #become(status: TransportStatus): void {
    this.#status = status;
    for (const watcher of [...this.#watchers]) watcher(status);
  }
}
