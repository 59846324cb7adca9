// The transport over NATS (core only). It needs five things of a connection and takes the client
// package of today as well as the older one. What both get wrong by default is set here: they
// reconnect ten times and then close for good, notice a dead link after minutes, and silently drop
// what is published meanwhile. Their own `request` builds Errors and timers per call; `Requests` does not.
import { type Clock, type Entropy, systemClock, systemEntropy } from '@devmentor/locks';
import { answersTo, decodeFrame, FRAME_OVERHEAD_BYTES, type Inbox, inboxOf } from './frame.ts';
import { FrameQueue } from './frame-queue.ts';
import { Requests } from './requests.ts';
import { checkPattern, checkQueue, checkSubject } from './subject.ts';
import {
  checkBody,
  MAX_BODY_BYTES,
  type Message,
  type RequestOutcome,
  type Subscription,
  type Transport,
  TransportError,
  type TransportStatus,
} from './transport.ts';

/** What is used of a message, in `@nats-io/transport-node` 3 and `nats` 2. */
export interface NatsMessage {
  readonly subject: string;
  readonly reply?: string;
  readonly data: Uint8Array;
  readonly headers?: { readonly code: number };
}

/** What is used of a connection, in `@nats-io/transport-node` 3 and `nats` 2; `noEcho` must be off. */
export interface NatsConnection {
  readonly info?: { readonly max_payload: number };
  publish(subject: string, payload?: Uint8Array, options?: { reply?: string }): void;
  subscribe(
    subject: string,
    options?: { queue?: string; callback?: (error: Error | null, message: NatsMessage) => void },
  ): { unsubscribe(): void };
  flush(): Promise<void>;
  status(): AsyncIterable<{ readonly type: string }>;
  isClosed(): boolean;
  closed(): Promise<unknown>;
  close(): Promise<void>;
}

/** Where the NATS servers are, and how to get in. */
export interface NatsTransportOptions {
  /** One address, several, or a connection, which stays the giver's to close. */
  readonly nats: string | readonly string[] | NatsConnection;
  /** Shown by the server's monitoring. @default 'devmentor' */
  readonly name?: string;
  /** Further options of `connect` in `@nats-io/transport-node`: credentials, TLS. */
  readonly connect?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
}

/** How long a dead link may go unnoticed is about `pingMs * (missedPings + 1)`. */
const pingMs = 500;
const missedPings = 2;
const reconnectMs = 50;
const connectMs = 2_000;
/** How long `close` and `open` wait for a link that says nothing. */
const patienceMs = 2_000;

/** Connects; TRANSPORT_UNAVAILABLE when no server answers now. Later cuts are mended by themselves, for ever. */
export async function openNatsTransport(options: NatsTransportOptions): Promise<Transport> {
  const { nats, clock = systemClock, entropy = systemEntropy } = options;
  const given = typeof nats === 'object' && 'publish' in nats ? nats : undefined;
  const connection = given ?? (await dial(nats as string | readonly string[], options));
  const transport = new NatsTransport(connection, clock, inboxOf(entropy.id()), given === undefined);
  try {
    await transport.open();
  } catch (cause) {
    await transport.close();
    throw new TransportError('TRANSPORT_UNAVAILABLE', 'the NATS connection does not answer', cause);
  }
  return transport;
}

async function dial(servers: string | readonly string[], options: NatsTransportOptions): Promise<NatsConnection> {
  const { connect } = await import('@nats-io/transport-node');
  try {
    return await connect({
      servers: typeof servers === 'string' ? servers : [...servers],
      name: options.name ?? 'devmentor',
      timeout: connectMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: reconnectMs,
      reconnectJitter: reconnectMs,
      pingInterval: pingMs,
      maxPingOut: missedPings,
      ignoreAuthErrorAbort: true,
      noAsyncTraces: true,
      ...options.connect,
      noEcho: false,
    });
  } catch (cause) {
    throw new TransportError(
      'TRANSPORT_UNAVAILABLE',
      `no NATS server answers at ${[servers].flat().map(withoutPassword).join(', ')}`,
      cause,
    );
  }
}

function withoutPassword(server: string): string {
  return server.replace(/\/\/[^@/]*@/, '//');
}

class NatsTransport implements Transport {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #inbox: Inbox;
  readonly #owned: boolean;
  readonly #requests: Requests;
  readonly #queue: FrameQueue;
  readonly #subscriptions = new Set<{ unsubscribe(): void }>();
  readonly #watchers = new Set<(status: TransportStatus) => void>();
  #status: TransportStatus = 'connected';
  /** The subject asked last: most requests go where the one before them went. */
  #checked: string | undefined;

  constructor(connection: NatsConnection, clock: Clock, inbox: Inbox, owned: boolean) {
    this.#connection = connection;
    this.#clock = clock;
    this.#inbox = inbox;
    this.#owned = owned;
    this.#requests = new Requests(clock);
    this.#queue = new FrameQueue(clock, this.#requests, (subject, frame, ids) => {
      try {
        connection.publish(
          subject,
          frame,
          ids === undefined ? undefined : { reply: inbox.replyFor(ids.first, ids.count) },
        );
      } catch {
        // The connection closes or drains, and says so in a moment; nobody was asked.
        if (ids !== undefined) this.#requests.nobody(ids.first, ids.count);
      }
    });
  }

  get status(): TransportStatus {
    return this.#status;
  }

  /** Listens to the connection and to the inbox. */
  async open(): Promise<void> {
    void this.#watch();
    void this.#connection.closed().then(() => this.#end());
    await this.#listen(this.#inbox.all, (message) => this.#returned(message), undefined);
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    this.#watchers.add(listener);
    return () => void this.#watchers.delete(listener);
  }

  publish(subject: string, body: Buffer): void {
    checkSubject(subject);
    this.#checkBody(body, subject);
    if (this.#status !== 'connected')
      throw new TransportError('TRANSPORT_UNAVAILABLE', `the NATS connection is ${this.#status}`);
    this.#queue.publish(subject, body);
  }

  async subscribe(
    subject: string,
    handler: (message: Message) => void,
    options: { readonly queue?: string } = {},
  ): Promise<Subscription> {
    checkPattern(subject);
    if (options.queue !== undefined) checkQueue(options.queue);
    return await this.#listen(subject, (message) => this.#received(message, handler), options.queue);
  }

  request(
    subject: string,
    body: Buffer,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<RequestOutcome> {
    try {
      if (subject !== this.#checked) checkSubject(subject);
      this.#checked = subject;
      this.#checkBody(body, subject);
    } catch (refusal) {
      return Promise.reject(refusal as Error);
    }
    return this.#requests.open(options, (pending) => {
      if (this.#status === 'connected') this.#queue.ask(subject, body, pending);
      else this.#requests.unsent(pending);
    });
  }

  async close(): Promise<void> {
    if (this.#status === 'closed') return;
    const linked = this.#status === 'connected';
    // The last answers of this node still leave; nobody waits for them here.
    this.#queue.flush();
    this.#end();
    for (const subscription of this.#subscriptions) if (!this.#connection.isClosed()) subscription.unsubscribe();
    this.#subscriptions.clear();
    if (linked) await this.#flush().catch(() => {});
    if (this.#owned) await this.#connection.close();
  }

  async #listen(
    subject: string,
    deliver: (message: NatsMessage) => void,
    queue: string | undefined,
  ): Promise<Subscription> {
    if (this.#status !== 'connected')
      throw new TransportError('TRANSPORT_UNAVAILABLE', `the NATS connection is ${this.#status}`);
    let open = true;
    let refused: Error | undefined;
    const callback = (error: Error | null, message: NatsMessage): void => {
      if (error !== null) refused = error;
      else if (open && this.#status === 'connected') deliver(message);
    };
    const held = this.#connection.subscribe(subject, queue === undefined ? { callback } : { queue, callback });
    this.#subscriptions.add(held);
    const unsubscribe = async (): Promise<void> => {
      if (!open) return;
      open = false;
      this.#subscriptions.delete(held);
      if (this.#connection.isClosed()) return;
      held.unsubscribe();
      // A request after this resolved must find nobody here; without a link it does anyway.
      await this.#flush().catch(() => {});
    };
    try {
      await this.#flush();
      if (refused !== undefined) throw refused;
    } catch (cause) {
      await unsubscribe();
      throw new TransportError('TRANSPORT_UNAVAILABLE', `subscribing to ${subject} was not confirmed`, cause);
    }
    return { unsubscribe };
  }

  /** A round trip to the server; rejects when there is no answer in time. */
  #flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.background(patienceMs, () => reject(new Error(`no answer within ${patienceMs} ms`)));
      this.#connection.flush().then(resolve, reject).finally(cancel);
    });
  }

  #received(message: NatsMessage, handler: (message: Message) => void): void {
    const items = decodeFrame(message.data);
    if (items === undefined) return;
    const { subject } = message;
    const answers = answersTo(message.reply);
    for (const { id, body } of items) {
      // The handler of an earlier item may have closed this transport.
      if (this.#status !== 'connected') return;
      const answerable = id !== 0 && answers !== undefined;
      try {
        handler(answerable ? { subject, body, respond: this.#answerer(answers, id) } : { subject, body });
      } catch (bug) {
        this.#clock.soon(() => {
          throw bug;
        });
      }
    }
  }

  #answerer(answers: string, id: number): (body: Buffer) => void {
    let answered = false;
    return (body) => {
      if (answered || this.#status !== 'connected') return;
      this.#checkBody(body, answers);
      answered = true;
      this.#queue.answer(answers, id, body);
    };
  }

  /** What arrives in the inbox: answers, or the server's word that nobody listens. */
  #returned(message: NatsMessage): void {
    if (message.subject === this.#inbox.answers) {
      for (const { id, body } of decodeFrame(message.data) ?? []) this.#requests.answer(id, body);
      return;
    }
    if (message.headers?.code !== 503) return;
    const asked = this.#inbox.asked(message.subject);
    if (asked !== undefined) this.#requests.nobody(asked.firstId, asked.count);
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === 'disconnect' && this.#status === 'connected') {
        this.#queue.drop();
        this.#become('disconnected');
        this.#requests.loseAll('disconnected');
      } else if (type === 'reconnect') void this.#reconnected();
    }
  }

  /** The client has sent the subscriptions again; they are in force once the server has answered after them. */
  async #reconnected(): Promise<void> {
    try {
      await this.#flush();
    } catch {
      // Cut again meanwhile: the next reconnect comes here too.
      return;
    }
    if (this.#status === 'disconnected') this.#become('connected');
  }

  #end(): void {
    if (this.#status === 'closed') return;
    this.#queue.drop();
    this.#become('closed');
    this.#requests.loseAll('closed');
  }

  #become(status: TransportStatus): void {
    this.#status = status;
    for (const watcher of [...this.#watchers]) watcher(status);
  }

  #checkBody(body: Buffer, subject: string): void {
    const limit = this.#connection.info?.max_payload ?? MAX_BODY_BYTES;
    checkBody(body, subject, Math.min(MAX_BODY_BYTES, limit - FRAME_OVERHEAD_BYTES));
  }
}
