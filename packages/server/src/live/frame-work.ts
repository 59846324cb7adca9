// What the frames of one live connection ask for: the same questions as the REST routes, plus the
// topics and the claims that live with the connection.
import { type ClientFrame, parseTopic, type ServerFrame } from '@devmentor/contracts';
import type { Unsubscribe } from '@devmentor/locks';
import type { TopicEvent } from '@devmentor/runtime';
import type { Caller } from '../auth/access-tokens.ts';
import { digest } from '../http/idempotency.ts';
import { Problem } from '../problem.ts';
import type { Claims } from '../projects/claims.ts';
import type { Attachable, Attachments } from './attachments.ts';
import type { TopicAccess } from './topic-access.ts';
import type { TopicFeed } from './topic-feed.ts';
import { isRemovalOf, toWire } from './wire-event.ts';

export const MAX_SUBSCRIPTIONS = 200;

export interface FrameWorkOptions {
  readonly claims: Claims;
  readonly attachments: Attachments;
  readonly feed: TopicFeed;
  readonly access: TopicAccess;
  readonly expectVisible: (userId: string, projectId: string) => Promise<unknown>;
  readonly serverTime: () => string;
  readonly send: (frame: ServerFrame) => void;
  readonly connection: Attachable;
  /** Aborts when the connection ends. */
  readonly gone: AbortSignal;
}

type Subscription = { stop?: Unsubscribe };

export class FrameWork {
  readonly #with: FrameWorkOptions;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(options: FrameWorkOptions) {
    this.#with = options;
  }

  /** Answers one frame; what it throws becomes the error frame of the same id. */
  async carryOut(frame: Exclude<ClientFrame, { t: 'auth' }>, caller: Caller): Promise<void> {
    switch (frame.t) {
      case 'ping':
        this.#with.send({
          t: 'pong',
          ...(frame.id !== undefined && { id: frame.id }),
          serverTime: this.#with.serverTime(),
        });
        return;
      case 'subscribe':
        await this.#subscribe(frame.topics, frame.cursors ?? {}, caller);
        return this.#ok(frame.id);
      case 'unsubscribe':
        for (const topic of frame.topics) this.#unsubscribe(topic);
        return this.#ok(frame.id);
      case 'claim':
        return this.#claim(frame, caller);
      case 'attach':
        return this.#attach(frame, caller);
      case 'detach':
        return this.#detach(frame, caller);
      case 'release':
        return this.#release(frame, caller);
      case 'presence':
        throw new Problem('NOT_FOUND', 'presence is not available in this version');
    }
  }

  close(): void {
    for (const topic of [...this.#subscriptions.keys()]) this.#unsubscribe(topic);
  }

  async #claim(frame: Extract<ClientFrame, { t: 'claim' }>, caller: Caller): Promise<void> {
    const { claims, attachments, connection, gone } = this.#with;
    const { t: _, id, projectId, requestId, ...request } = frame;
    const { grant, lease, fresh } = await claims.claim(caller, projectId, {
      ...request,
      ...(requestId !== undefined && { requestId: digest([caller.userId, requestId]) }),
      signal: gone,
    });
    try {
      await attachments.attach(connection, { projectId, leaseId: lease.leaseId }, lease.instance);
    } catch (error) {
      // Nobody was told of this grant, so nobody would give it back.
      if (fresh) await lease.release();
      throw error;
    }
    this.#ok(id, grant);
  }

  async #attach({ id, claimToken, instanceId }: Extract<ClientFrame, { t: 'attach' }>, caller: Caller): Promise<void> {
    const { claims, attachments, connection, expectVisible } = this.#with;
    const claim = claims.open(caller, 'any', claimToken);
    await expectVisible(caller.userId, claim.projectId);
    const lease = await attachments.attach(connection, claim, instanceId);
    this.#ok(id, claims.grantOf(lease, caller, claim.projectId));
  }

  async #detach({ id, claimToken }: Extract<ClientFrame, { t: 'detach' }>, caller: Caller): Promise<void> {
    const { claims, attachments, connection } = this.#with;
    const claim = claims.open(caller, 'any', claimToken);
    const wasAttached = await attachments.detach(connection, claim.leaseId);
    if (!wasAttached) await claims.detach('any', claimToken);
    this.#ok(id);
  }

  async #release({ id, claimToken }: Extract<ClientFrame, { t: 'release' }>, caller: Caller): Promise<void> {
    const { claims, attachments, connection } = this.#with;
    const claim = claims.open(caller, 'any', claimToken);
    const result = await claims.release(caller, 'any', claimToken);
    attachments.released(connection, claim.leaseId);
    this.#ok(id, result);
  }

  async #subscribe(
    topics: readonly string[],
    cursors: Readonly<Record<string, string>>,
    caller: Caller,
  ): Promise<void> {
    const wanted = new Set(topics);
    this.#expectRoom(wanted);
    // All or none: a frame is refused before any of its topics is joined.
    for (const topic of wanted) await this.#with.access.expectReadable(topic, caller);
    // Other frames may have taken the room meanwhile.
    this.#expectRoom(wanted);
    await Promise.all([...wanted].map((topic) => this.#join(topic, cursors[topic], caller)));
  }

  #expectRoom(topics: ReadonlySet<string>): void {
    const fresh = [...topics].filter((topic) => !this.#subscriptions.has(topic));
    if (this.#subscriptions.size + fresh.length > MAX_SUBSCRIPTIONS)
      throw Problem.invalid([
        { pointer: '/topics', message: `makes more than ${MAX_SUBSCRIPTIONS} topics of one connection` },
      ]);
  }

  async #join(topic: string, cursor: string | undefined, caller: Caller): Promise<void> {
    this.#unsubscribe(topic);
    if (this.#with.gone.aborted) return;
    const subscription: Subscription = {};
    this.#subscriptions.set(topic, subscription);
    const isOurs = (): boolean => this.#subscriptions.get(topic) === subscription;
    try {
      const stop = await this.#with.feed.subscribe(topic, cursor, {
        joined: (join) => {
          if (!isOurs()) return;
          this.#with.send({
            t: 'subscribed',
            topic,
            cursor: join.cursor === '' ? null : join.cursor,
            outcome: join.outcome,
          });
          for (const event of join.replay) this.#deliver(event, caller);
        },
        event: (event) => {
          if (isOurs()) this.#deliver(event, caller);
        },
        missed: (at) => {
          if (isOurs()) this.#with.send({ t: 'subscribed', topic, cursor: at === '' ? null : at, outcome: 'resync' });
        },
      });
      subscription.stop = stop;
      // Left, or joined anew, while it was being joined.
      if (!isOurs()) stop();
    } catch (error) {
      if (isOurs()) this.#subscriptions.delete(topic);
      throw error;
    }
  }

  #unsubscribe(topic: string): void {
    this.#subscriptions.get(topic)?.stop?.();
    this.#subscriptions.delete(topic);
  }

  #deliver(event: TopicEvent, caller: Caller): void {
    if (isRemovalOf(event, caller.userId)) {
      this.#lose(event.topic, 'forbidden');
      return;
    }
    this.#with.send({ t: 'event', ...toWire(event) });
    if (event.type === 'project.deleted') this.#lose(event.topic, 'deleted');
  }

  #lose(topic: string, reason: 'forbidden' | 'deleted'): void {
    this.#unsubscribe(topic);
    this.#with.send({ t: 'unsubscribed', topic, reason });
    const parsed = parseTopic(topic);
    if (parsed?.kind !== 'project') return;
    // The claim itself is ended by whoever removed the member; this only stops renewing it here.
    void this.#with.attachments.dropProject(this.#with.connection, parsed.id).catch(() => {});
  }

  #ok(id: string | number | undefined, result?: unknown): void {
    if (id !== undefined) this.#with.send({ t: 'ok', id, ...(result !== undefined && { result }) });
  }
}
