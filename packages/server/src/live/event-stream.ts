// Event stream
//
// One SSE connection: its topics, where each stands, and the one way out to its reader.
//
//   ES1  Every event after the cursor it came with is written once and in order of its topic, or
//        the topic is resynced: its reader is told to fetch the thing anew.
//   ES2  Every `id:` places all topics, so the last one read is all a reader needs to go on.
//   ES3  What waits for a slow reader is bounded: beyond it, or when nothing moves between two
//        heartbeats, the connection is cut, and its reader goes on from its last id.
//   ES4  It ends with its token: on its end, and at once when it was revoked.
import type { ServerResponse } from 'node:http';
import type { ProblemDetails } from '@devmentor/contracts';
import type { Cancel, Clock, Unsubscribe } from '@devmentor/locks';
import type { LogId, TopicEvent } from '@devmentor/runtime';
import type { Caller } from '../auth/access-tokens.ts';
import { concerns, type RevocationNews } from '../auth/revocations.ts';
import { Problem } from '../problem.ts';
import { readCursor, writeCursor } from './stream-cursor.ts';
import type { TopicAccess } from './topic-access.ts';
import type { TopicFeed } from './topic-feed.ts';
import { isRemovalOf, toWire } from './wire-event.ts';

export const MAX_TOPICS = 200;
const HEARTBEAT_MS = 15_000;
const WARN_MS = 60_000;
const TOLERATED_MS = 30_000;
const MAX_WAITING_BYTES = 1_048_576;
const MAX_HELD = 1_000;

export interface EventStreamOptions {
  readonly feed: TopicFeed;
  readonly access: TopicAccess;
  readonly clock: Clock;
  readonly isGood: (caller: Caller) => Promise<boolean>;
  readonly onFault: (fault: unknown) => void;
}

export interface StreamRequest {
  readonly id: string;
  readonly caller: Caller;
  /** `own`: whatever the caller can read, also what comes later. */
  readonly topics: readonly string[] | 'own';
  readonly cursor: string | undefined;
  readonly retryMs: number;
}

type Membership = { stop?: Unsubscribe };

export class EventStream {
  readonly #with: EventStreamOptions;
  readonly #request: StreamRequest;
  readonly #out: ServerResponse;
  readonly #places = new Map<string, LogId | ''>();
  readonly #joined = new Map<string, Membership>();
  readonly #timers = new Map<string, Cancel>();
  /** Events that came before every topic had a place. */
  #held: TopicEvent[] | undefined = [];
  #deaf: Unsubscribe | undefined;
  #bytesAtBeat = -1;
  #looking = false;
  #over = false;

  constructor(out: ServerResponse, request: StreamRequest, options: EventStreamOptions) {
    this.#with = options;
    this.#request = request;
    this.#out = out;
    out.once('close', () => this.#close());
  }

  /** Joins the topics, each from where the reader stands, and goes on until somebody ends it. */
  async run(): Promise<void> {
    const { topics, cursor, retryMs, caller } = this.#request;
    this.#beat();
    this.#expire();
    const wanted = topics === 'own' ? await this.#with.access.topicsOf(caller, MAX_TOPICS) : topics;
    const known = cursor === undefined ? new Map<string, LogId | ''>() : readCursor(cursor, wanted);
    for (const [topic, place] of known) this.#places.set(topic, place);
    const fresh = wanted.filter((topic) => !known.has(topic));
    await Promise.all(fresh.map((topic) => this.#join(topic, undefined)));
    this.#write({ event: 'welcome', data: { topics: [...this.#places.keys()] }, retryMs });
    // Whoever names a place had one in every topic he had: these he has not seen yet.
    if (cursor !== undefined) for (const topic of fresh) this.#resync(topic);
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.#tell(event);
    for (const [topic, place] of known) {
      await this.#join(topic, place);
      await this.#drained();
    }
    if (topics !== 'own' || this.#over) return;
    this.#deaf = this.#with.access.onTopicsOf(caller, () => this.#look());
    this.#look();
  }

  /** The server leaves: says when to come back, and ends. */
  goAway(reconnectAfterMs: number): void {
    this.#write({ event: 'going-away', data: { reconnectAfterMs }, retryMs: reconnectAfterMs });
    this.#end();
  }

  /** Something was revoked; it may be what this stream was opened with. */
  heardOf(news: RevocationNews): void {
    const isOver = concerns(news, this.#request.caller);
    if (isOver === true) this.#refuse(new Problem('UNAUTHENTICATED', 'the token was revoked'));
    else if (isOver === 'unknown') void this.#checkAnew();
  }

  async #checkAnew(): Promise<void> {
    const isGood = await this.#with.isGood(this.#request.caller).catch(this.#with.onFault);
    if (isGood === false) this.#refuse(new Problem('UNAUTHENTICATED', 'the token was revoked'));
  }

  async #join(topic: string, place: LogId | '' | undefined): Promise<void> {
    if (this.#over || this.#joined.has(topic)) return;
    const membership: Membership = {};
    this.#joined.set(topic, membership);
    const isOurs = (): boolean => this.#joined.get(topic) === membership;
    const stop = await this.#with.feed.subscribe(topic, place, {
      joined: ({ outcome, cursor, replay }) => {
        if (!isOurs()) return;
        if (outcome !== 'replay') this.#places.set(topic, cursor);
        if (outcome === 'resync') this.#resync(topic);
        for (const event of replay) this.#hear(event);
      },
      event: (event) => {
        if (isOurs()) this.#hear(event);
      },
      missed: (cursor) => {
        if (!isOurs()) return;
        this.#places.set(topic, cursor);
        this.#resync(topic);
      },
    });
    membership.stop = stop;
    if (!isOurs()) stop();
  }

  #leave(topic: string): void {
    this.#joined.get(topic)?.stop?.();
    this.#joined.delete(topic);
    this.#places.delete(topic);
  }

  /** Whether the caller's topics are still the ones that were joined. */
  #look(): void {
    if (this.#looking || this.#over) return;
    this.#looking = true;
    this.#joinNew()
      .catch(this.#with.onFault)
      .finally(() => {
        this.#looking = false;
      });
  }

  async #joinNew(): Promise<void> {
    for (const topic of await this.#with.access.topicsOf(this.#request.caller, MAX_TOPICS)) {
      if (this.#joined.has(topic) || this.#joined.size >= MAX_TOPICS) continue;
      await this.#join(topic, undefined);
      this.#resync(topic);
    }
  }

  #hear(event: TopicEvent): void {
    if (this.#held === undefined) this.#tell(event);
    // A reader that is not let in yet must not make the server remember for it without end.
    else if (this.#held.push(event) > MAX_HELD) this.#cut();
  }

  #tell(event: TopicEvent): void {
    const { topic } = event;
    if (!this.#joined.has(topic)) return;
    if (isRemovalOf(event, this.#request.caller.userId)) {
      this.#lose(topic, 'forbidden');
      return;
    }
    this.#places.set(topic, event.id);
    this.#write({ data: toWire(event) });
    if (event.type === 'project.deleted') this.#lose(topic, 'deleted');
  }

  #lose(topic: string, reason: 'forbidden' | 'deleted'): void {
    this.#leave(topic);
    this.#write({ event: 'unsubscribed', data: { topic, reason } });
  }

  #resync(topic: string): void {
    const place = this.#places.get(topic);
    if (place !== undefined) this.#write({ event: 'resync', data: { topic, cursor: place === '' ? null : place } });
  }

  #refuse(problem: Problem): void {
    const document: ProblemDetails = problem.toDocument(this.#request.id);
    this.#write({ event: 'problem', data: document });
    this.#end();
  }

  #write(message: { readonly event?: string; readonly data: object; readonly retryMs?: number }): void {
    if (this.#over) return;
    const lines = [
      ...(message.event === undefined ? [] : [`event: ${message.event}`]),
      ...(message.retryMs === undefined ? [] : [`retry: ${message.retryMs}`]),
      // Before all topics have a place, or when none is left, there is nothing to go on from.
      ...(this.#places.size === 0 ? [] : [`id: ${writeCursor(this.#places)}`]),
      `data: ${JSON.stringify(message.data)}`,
    ];
    this.#out.write(`${lines.join('\n')}\n\n`);
    if (this.#out.writableLength > MAX_WAITING_BYTES) this.#cut();
  }

  /** ES3: between the replays of two topics a reader may take its time, until a heartbeat finds it stuck. */
  #drained(): Promise<void> {
    if (this.#over || !this.#out.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      this.#out.once('drain', resolve);
      this.#out.once('close', resolve);
    });
  }

  #beat(): void {
    this.#after('beat', HEARTBEAT_MS, () => {
      const bytes = this.#out.socket?.bytesWritten ?? 0;
      const isStuck = this.#out.writableNeedDrain && bytes - this.#out.writableLength <= this.#bytesAtBeat;
      if (isStuck) return this.#cut();
      this.#bytesAtBeat = bytes - this.#out.writableLength;
      this.#out.write(':\n\n');
      if (this.#deaf !== undefined) this.#look();
      this.#beat();
    });
  }

  #expire(): void {
    const leftMs = this.#request.caller.expiresAtMs - this.#with.clock.wallMs();
    const warn = (): void => {
      const inMs = Math.max(0, Math.floor(this.#request.caller.expiresAtMs - this.#with.clock.wallMs()));
      this.#write({ event: 'auth.expiring', data: { inMs } });
    };
    this.#after('warn', Math.max(0, leftMs - WARN_MS), warn);
    this.#after('expire', leftMs + TOLERATED_MS, () =>
      this.#refuse(new Problem('TOKEN_EXPIRED', 'get a new access token')),
    );
  }

  #after(name: string, delayMs: number, work: () => void): void {
    this.#timers.set(name, this.#with.clock.background(delayMs, work));
  }

  #end(): void {
    if (this.#over) return;
    this.#close();
    this.#out.end();
  }

  #cut(): void {
    this.#close();
    this.#out.destroy();
  }

  #close(): void {
    this.#over = true;
    this.#held = undefined;
    this.#deaf?.();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    for (const topic of [...this.#joined.keys()]) this.#leave(topic);
  }
}
