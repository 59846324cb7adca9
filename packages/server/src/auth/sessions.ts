// Sessions
//
// Everything a login gave, in one record: who, until when, and which refresh token is next. A
// session with all its refresh tokens is what the standards call a family.
//
//   SE1  A refresh token is used once: of any number of uses one finds its generation current and
//        moves it on, in one compare-and-set.
//   SE2  A used token coming again ends the session, with every access token of it: somebody else
//        may have it.
//   SE3  Unless it is the same request again: with the `Idempotency-Key` of the use that moved it
//        on, and its successor not used yet, it is answered with that successor. So a client
//        that sends keys loses no session to a lost reply; one that does not, logs in again.
//   SE4  A session that was ended stays ended: no refresh that was under way revives it.
import type { AuthToken, Session } from '@devmentor/contracts';
import { type Clock, CoordinationError, type Entropy } from '@devmentor/locks';
import type { RecordStore } from '@devmentor/runtime';
import { digest } from '../http/idempotency.ts';
import { Problem } from '../problem.ts';
import { timeText } from '../projects/wire.ts';
import { ACCESS_TTL_MS, type AccessTokens, type Caller } from './access-tokens.ts';
import type { RefreshSeal } from './refresh-seal.ts';
import { type Revocations, sessionKey, sessionPrefix } from './revocations.ts';
import { type UserProfile, userToWire } from './user-actor.ts';

/** Counted anew with every refresh: who keeps coming stays signed in. */
const SESSION_TTL_MS = 30 * 24 * 3_600_000;
/** Beyond, the oldest session of the user ends. */
const MAX_PER_USER = 100;

type Kept = {
  readonly v: 1;
  readonly profile: UserProfile;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** Which refresh token is next; `0` for a session that never had one. */
  readonly generation: number;
  /** Of the request that made this generation: its digest, and its own mark. */
  readonly madeBy?: { readonly request: string | null; readonly mark: string };
};

export interface SessionsOptions {
  readonly records: RecordStore;
  readonly tokens: AccessTokens;
  readonly seal: RefreshSeal;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

export class Sessions {
  readonly #with: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#with = options;
  }

  /** A session with its first tokens. */
  async signIn(profile: UserProfile): Promise<AuthToken> {
    // A guest is a new user with each arrival.
    if (profile.kind === 'account') await this.#makeRoom(profile.id);
    const id = this.#with.entropy.id();
    const kept = await this.#begin(id, profile, 1);
    return this.#grant(id, kept);
  }

  /** A session of the caller beside the one he has, without tokens; the same id again is the same session. */
  async create(caller: Caller, id: string): Promise<Session> {
    await this.#makeRoom(caller.userId);
    const own = await this.#get(caller.userId, caller.sessionId);
    if (own === undefined) throw ended();
    return toWire(id, await this.#begin(id, own.profile, 0), caller);
  }

  async list(caller: Caller): Promise<readonly Session[]> {
    const found = await this.#all(caller.userId);
    return found.map(({ id, kept }) => toWire(id, kept, caller));
  }

  async get(caller: Caller, id: string): Promise<Session> {
    const kept = await this.#get(caller.userId, id);
    if (kept === undefined) throw missing();
    return toWire(id, kept, caller);
  }

  /** Ends a session of the caller with all its tokens. */
  async terminate(caller: Caller, id: string): Promise<void> {
    if ((await this.#get(caller.userId, id)) === undefined) throw missing();
    await this.#with.revocations.revoke({ kind: 'session', userId: caller.userId, id });
  }

  /** New tokens for a refresh token. `key`: what the client will say again if it gets no answer. */
  async refresh(token: string, key: string | undefined): Promise<AuthToken> {
    const { records, seal, revocations, clock, entropy } = this.#with;
    const claim = seal.open(token);
    if (claim === undefined) throw ended();
    const { userId, sessionId: id, generation } = claim;
    const request = key === undefined ? null : digest([token, key]);
    const mark = entropy.id();
    for (let tries = 0; tries < 5; tries += 1) {
      const found = await records.get(sessionKey({ userId, id }));
      if (found === undefined) throw ended();
      const kept = found.value as Kept;
      const isNext = kept.generation === generation + 1;
      const isOurs = isNext && kept.madeBy?.mark === mark;
      const isAgain = isNext && request !== null && kept.madeBy?.request === request;
      if (isOurs || isAgain) return this.#grant(id, kept);
      if (kept.generation !== generation) {
        await revocations.revoke({ kind: 'session', userId, id });
        throw new Problem('INVALID_CREDENTIALS', 'the refresh token was used before, so its session has been ended');
      }
      const next: Kept = {
        ...kept,
        generation: generation + 1,
        expiresAtMs: clock.wallMs() + SESSION_TTL_MS,
        madeBy: { request, mark },
      };
      // A conflict, or a reply that was lost: what is stored tells whose write it was.
      const moved = await records
        .put(sessionKey({ userId, id }), next, { expects: found.version, ttlMs: SESSION_TTL_MS })
        .then(({ kind }) => kind === 'written', ignoreLostReply);
      if (moved) return this.#grant(id, next);
    }
    throw new Problem('BACKEND_UNAVAILABLE', 'the session could not be read and moved on', { retryAfterMs: 1_000 });
  }

  /** Ends the session a refresh token belongs to; whether it was one. */
  async revokeByRefreshToken(token: string): Promise<boolean> {
    const claim = this.#with.seal.open(token);
    if (claim === undefined) return false;
    await this.#with.revocations.revoke({ kind: 'session', userId: claim.userId, id: claim.sessionId });
    return true;
  }

  async #begin(id: string, profile: UserProfile, generation: number): Promise<Kept> {
    const createdAtMs = this.#with.clock.wallMs();
    const kept: Kept = { v: 1, profile, createdAtMs, expiresAtMs: createdAtMs + SESSION_TTL_MS, generation };
    const key = sessionKey({ userId: profile.id, id });
    const put = await this.#with.records.put(key, kept, { expects: 'absent', ttlMs: SESSION_TTL_MS });
    if (put.kind === 'written') return kept;
    return (await this.#get(profile.id, id)) ?? kept;
  }

  async #grant(sessionId: string, kept: Kept): Promise<AuthToken> {
    const { tokens, seal } = this.#with;
    const { id: userId, displayName, kind } = kept.profile;
    const { token } = await tokens.issue({ userId, displayName, kind, sessionId });
    return {
      accessToken: token,
      refreshToken: seal.seal({ userId, sessionId, generation: kept.generation }),
      tokenType: 'Bearer',
      expiresIn: ACCESS_TTL_MS / 1000,
      session: toWire(sessionId, kept, { sessionId }),
      user: userToWire(kept.profile),
    };
  }

  async #get(userId: string, id: string): Promise<Kept | undefined> {
    return (await this.#with.records.get(sessionKey({ userId, id })))?.value as Kept | undefined;
  }

  /** Oldest first. */
  async #all(userId: string): Promise<readonly { readonly id: string; readonly kept: Kept }[]> {
    const prefix = sessionPrefix(userId);
    const found = await this.#with.records.list(prefix, { limit: 1_000 });
    return found
      .map(({ key, value }) => ({ id: key.slice(prefix.length), kept: value as Kept }))
      .sort((a, b) => a.kept.createdAtMs - b.kept.createdAtMs);
  }

  async #makeRoom(userId: string): Promise<void> {
    const all = await this.#all(userId);
    for (const { id } of all.slice(0, Math.max(0, all.length - MAX_PER_USER + 1)))
      await this.#with.revocations.revoke({ kind: 'session', userId, id });
  }
}

function ignoreLostReply(error: unknown): false {
  if (error instanceof CoordinationError && error.applied === 'unknown') return false;
  throw error;
}

function toWire(id: string, kept: Kept, caller: Pick<Caller, 'sessionId'>): Session {
  return {
    id,
    userId: kept.profile.id,
    createdAt: timeText(kept.createdAtMs),
    expiresAt: timeText(kept.expiresAtMs),
    current: id === caller.sessionId,
  };
}

function missing(): Problem {
  return new Problem('NOT_FOUND', 'no such session');
}

function ended(): Problem {
  return new Problem('INVALID_CREDENTIALS', 'the session has ended; log in again');
}
