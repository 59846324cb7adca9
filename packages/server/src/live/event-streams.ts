import { type EventsQuery, eventsQuerySchema, parse } from '@devmentor/contracts';
import { routes } from '@devmentor/contracts/routes';
import type { Cancel, Clock, Entropy, Unsubscribe } from '@devmentor/locks';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../auth/access-tokens.ts';
import type { Accounts } from '../auth/accounts.ts';
import type { Revocations } from '../auth/revocations.ts';
import { type App, bearerOf } from '../http/app.ts';
import { isUnforeseen, Problem, toProblem } from '../problem.ts';
import { EventStream } from './event-stream.ts';
import type { TopicAccess } from './topic-access.ts';
import type { TopicFeed } from './topic-feed.ts';

export interface EventStreamsOptions {
  readonly accounts: Accounts;
  readonly revocations: Revocations;
  readonly access: TopicAccess;
  readonly feed: TopicFeed;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly onFault: (fault: unknown) => void;
  /** @default 10_000 */
  readonly maxStreams?: number;
}

/** A reader whose connection broke comes back after about this long. */
const RETRY_MS = 1_000;
/** Those who are sent away come back within this time, not all at once. */
const MAX_RETURN_MS = 5_000;
/** How long a reader may take to read its last lines. */
const END_MS = 2_000;

/** All event streams of this server. */
export class EventStreams {
  readonly #with: EventStreamsOptions;
  readonly #streams = new Map<EventStream, { readonly over: Promise<void>; readonly cut: () => void }>();
  readonly #deaf: Unsubscribe;
  #isLeaving = false;

  constructor(options: EventStreamsOptions) {
    this.#with = options;
    this.#deaf = options.revocations.onNews((news) => {
      for (const stream of this.#streams.keys()) stream.heardOf(news);
    });
  }

  /** How many are open now. */
  get open(): number {
    return this.#streams.size;
  }

  /** Serves `/api/events`. What must not be streamed is refused as any other request is. */
  serve(app: App): void {
    app.route({
      method: 'GET',
      url: routes['events.stream'].path,
      exposeHeadRoute: false,
      handler: (request, reply) => this.#open(request, reply),
    });
  }

  /** Sends everybody away, each to come back at a moment of his own. */
  async close(): Promise<void> {
    this.#isLeaving = true;
    this.#deaf();
    const { clock, entropy } = this.#with;
    const windowMs = Math.min(MAX_RETURN_MS, 200 + 10 * this.#streams.size);
    const all = [...this.#streams];
    for (const [stream] of all) stream.goAway(Math.floor(entropy.random() * windowMs));
    const cut: Cancel = clock.background(END_MS, () => {
      for (const [, one] of all) one.cut();
    });
    await Promise.all(all.map(([, { over }]) => over));
    cut();
  }

  async #open(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { accounts, access, maxStreams = 10_000, entropy, onFault } = this.#with;
    const query = queryOf(request);
    const caller = await this.#whoIs(request, query);
    for (const topic of query.topics ?? []) await access.expectReadable(topic, caller);
    if (this.#streams.size >= maxStreams) throw new Problem('OVERLOADED', 'too many streams', { retryAfterMs: 5_000 });
    if (this.#with.revocations.isRevoked(caller)) throw new Problem('UNAUTHENTICATED', 'the access token was revoked');
    const { 'last-event-id': lastEventId } = request.headers;
    const cursor = typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : query.cursor;
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { ...definedHeaders(reply), ...HEADERS });
    raw.flushHeaders();
    const stream = new EventStream(
      raw,
      {
        id: request.id,
        caller,
        topics: query.topics === undefined ? 'own' : [...new Set(query.topics)],
        cursor,
        // Many streams that break together do not come back together.
        retryMs: Math.floor(RETRY_MS * (0.5 + entropy.random())),
      },
      { ...this.#with, isGood: (one) => accounts.isGood(one) },
    );
    const over = new Promise<void>((resolve) => raw.once('close', resolve));
    this.#streams.set(stream, { over, cut: () => raw.destroy() });
    void over.then(() => this.#streams.delete(stream));
    // Its request was under way when the others were sent off.
    if (this.#isLeaving) return stream.goAway(0);
    await stream.run().catch((error: unknown) => {
      if (isUnforeseen(error)) onFault(error);
      request.log.debug({ code: toProblem(error).code }, 'a stream could not go on');
      // Its reader has its last id, and comes back.
      raw.destroy();
    });
  }

  #whoIs(request: FastifyRequest, { ticket }: EventsQuery): Promise<Caller> {
    const bearer = bearerOf(request);
    const { accounts } = this.#with;
    return bearer === undefined && ticket !== undefined ? accounts.redeem(ticket) : accounts.authenticate(bearer);
  }
}

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Proxies that would collect an answer before passing it on pass this one on.
  'x-accel-buffering': 'no',
} as const;

function queryOf(request: FastifyRequest): EventsQuery {
  const parsed = parse(eventsQuerySchema, request.query);
  if (parsed.kind === 'ok') return parsed.value;
  throw Problem.invalid(parsed.errors);
}

function definedHeaders(reply: FastifyReply): Record<string, string | number | string[]> {
  return Object.fromEntries(
    Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
