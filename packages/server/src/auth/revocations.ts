// Revocations
//
// Which access tokens are over before their time. What is revoked stands in the record store and in
// a durable log that every node tails; between the two, a token costs no question per request.
//
//   RV1  The node that revokes refuses at once; every other within a second (a hint, and at the
//        latest a poll of the log every 500 ms).
//   RV2  A token this node meets for the first time is asked about in the store; after that the
//        log tells. So neither a restart nor a trimmed log revives one.
//   RV3  A node whose tail is older than two seconds asks the store about every token; when the
//        store does not answer, nobody is let in on a guess.
//   RV4  The log is written before the records, so that a revocation which was cut short is still
//        there to be asked for again; a node that starts in between reads the log from its start.
import type { Cancel, Clock, Unsubscribe } from '@devmentor/locks';
import type { LogId, LogStore, RecordStore, TopicEvent, Transport } from '@devmentor/runtime';
import { ACCESS_TTL_MS, type Caller } from './access-tokens.ts';

/** A whole session with all its tokens, or one access token. */
export type Revoked =
  | { readonly kind: 'session'; readonly userId: string; readonly id: string }
  | { readonly kind: 'token'; readonly id: string; readonly expiresAtMs: number };

/** What listeners are told; `unknown`: events were lost, so everybody is to be checked anew. */
export type RevocationNews = Revoked | { readonly kind: 'unknown' };

export type Standing = 'good' | 'revoked';

const TOPIC = 'revocations';
const POLL_MS = 500;
const STALE_MS = 2_000;
const PAGE = 200;
/** A revoked session is remembered until the last of its access tokens has ended. */
const REMEMBERED_MS = ACCESS_TTL_MS + 60_000;
const MAX_TRUSTED = 10_000;

export interface RevocationsOptions {
  readonly records: RecordStore;
  readonly log: LogStore;
  readonly transport: Transport;
  readonly namespace: string;
  readonly clock: Clock;
}

export class Revocations {
  readonly #with: RevocationsOptions;
  /** By kind and id, with the wall time after which nobody can ask any more; the oldest first. */
  readonly #revoked = new Map<string, number>();
  /** Tokens the store was asked about; until when they can be shown. */
  readonly #trusted = new Map<string, number>();
  readonly #listeners = new Set<(news: RevocationNews) => void>();
  #last: LogId | '' = '';
  /** When the last complete reading of the log began; `never` before the first. */
  #readAtMs: number | 'never' = 'never';
  #reading: Promise<void> | undefined;
  #again = false;
  #nextPoll: Cancel | undefined;
  #unsubscribe: Unsubscribe | undefined;
  #closed = false;

  constructor(options: RevocationsOptions) {
    this.#with = options;
  }

  /** Begins to follow the log. */
  async open(): Promise<void> {
    const subscription = await this.#with.transport.subscribe(this.#subject, () => this.#readSoon());
    this.#unsubscribe = () => void subscription.unsubscribe().catch(() => {});
    await this.#readAll();
    this.#pollLater();
  }

  close(): void {
    this.#closed = true;
    this.#nextPoll?.();
    this.#unsubscribe?.();
  }

  onNews(listener: (news: RevocationNews) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Durable when it resolves. Idempotent; after a fault it may be repeated. */
  async revoke(revoked: Revoked): Promise<void> {
    const { records, log, transport, clock } = this.#with;
    await log.append(TOPIC, [{ type: revoked.kind, data: { ...revoked } }]);
    this.#learn(revoked);
    if (revoked.kind === 'session') await records.delete(sessionKey(revoked));
    else {
      const ttlMs = revoked.expiresAtMs - clock.wallMs() + 60_000;
      await records.put(tokenKey(revoked.id), { v: 1 }, { expects: 'any', ttlMs: Math.max(1, Math.ceil(ttlMs)) });
    }
    try {
      transport.publish(this.#subject, Buffer.alloc(0));
    } catch {
      // The other nodes poll.
    }
  }

  /** What this node knows by now; no question asked. */
  isRevoked({ sessionId, tokenId }: Caller): boolean {
    return this.#revoked.has(`session ${sessionId}`) || this.#revoked.has(`token ${tokenId}`);
  }

  /** Whether the caller's token still counts. Throws when that cannot be known now. */
  async standing(caller: Caller): Promise<Standing> {
    if (this.isRevoked(caller)) return 'revoked';
    if (this.#isFresh && this.#trusted.has(caller.tokenId)) return 'good';
    const { records } = this.#with;
    const [session, token] = await Promise.all([
      records.get(sessionKey({ userId: caller.userId, id: caller.sessionId })),
      records.get(tokenKey(caller.tokenId)),
    ]);
    if (session === undefined || token !== undefined || this.isRevoked(caller)) return 'revoked';
    this.#trust(caller);
    return 'good';
  }

  get #isFresh(): boolean {
    return this.#readAtMs !== 'never' && this.#with.clock.nowMs() - this.#readAtMs < STALE_MS;
  }

  get #subject(): string {
    return `rv.${this.#with.namespace}`;
  }

  #trust({ tokenId, expiresAtMs }: Caller): void {
    if (this.#trusted.size >= MAX_TRUSTED) forgetFirst(this.#trusted);
    this.#trusted.set(tokenId, expiresAtMs);
  }

  #learn(revoked: Revoked): void {
    const key = `${revoked.kind} ${revoked.id}`;
    if (this.#revoked.has(key)) return;
    this.#revoked.set(key, this.#with.clock.wallMs() + REMEMBERED_MS);
    if (revoked.kind === 'token') this.#trusted.delete(revoked.id);
    this.#tell(revoked);
  }

  #tell(news: RevocationNews): void {
    for (const listener of this.#listeners) listener(news);
  }

  #readSoon(): void {
    if (this.#closed) return;
    if (this.#reading !== undefined) {
      // It may have passed the end of the log before this was appended.
      this.#again = true;
      return;
    }
    this.#reading = this.#readAll()
      // The next poll tries again; meanwhile the tail gets stale, which is what RV3 is for.
      .catch(() => {})
      .finally(() => {
        this.#reading = undefined;
        if (!this.#again) return;
        this.#again = false;
        this.#readSoon();
      });
  }

  async #readAll(): Promise<void> {
    const { log, clock } = this.#with;
    for (;;) {
      const startedMs = clock.nowMs();
      const page = await log.read(TOPIC, this.#last, PAGE);
      if (page.kind === 'gone') {
        this.#last = await log.last(TOPIC);
        this.#trusted.clear();
        this.#tell({ kind: 'unknown' });
        continue;
      }
      for (const event of page.events) this.#learn(revokedOf(event));
      this.#last = page.events.at(-1)?.id ?? this.#last;
      if (page.events.length === PAGE) continue;
      this.#readAtMs = startedMs;
      return;
    }
  }

  #pollLater(): void {
    this.#nextPoll = this.#with.clock.background(POLL_MS, () => {
      this.#readSoon();
      this.#forget();
      this.#pollLater();
    });
  }

  #forget(): void {
    const nowMs = this.#with.clock.wallMs();
    for (const [key, untilMs] of this.#revoked) {
      if (untilMs > nowMs) break;
      this.#revoked.delete(key);
    }
  }
}

/** Whether the news end what this caller came with; `unknown` when he is to be checked anew. */
export function concerns(news: RevocationNews, caller: Caller): boolean | 'unknown' {
  switch (news.kind) {
    case 'session':
      return news.id === caller.sessionId;
    case 'token':
      return news.id === caller.tokenId;
    case 'unknown':
      return 'unknown';
  }
}

/** Where a session's record is; without one there is no session. */
export function sessionKey({ userId, id }: { readonly userId: string; readonly id: string }): string {
  return `${sessionPrefix(userId)}${id}`;
}

export function sessionPrefix(userId: string): string {
  return `session/${userId}/`;
}

function tokenKey(tokenId: string): string {
  return `revoked/${tokenId}`;
}

function revokedOf({ data }: TopicEvent): Revoked {
  // Written by `revoke`, of this version or an older one.
  return data as Revoked;
}

function forgetFirst(map: Map<string, unknown>): void {
  const first = map.keys().next();
  if (first.done !== true) map.delete(first.value);
}
