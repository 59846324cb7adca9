// AuthSession
//
// Who is signed in, and a token that is good for the next request.
//
//   A1  However many ask at once, one refresh is in flight.
//   A2  A refresh that the server turns away signs out; one that got no answer does not.
//   A3  All attempts to use one refresh token, over reloads too, bear one idempotency key: a token
//       works once, and an answer that was lost can be had again.
import type { AuthToken, User } from '@devmentor/contracts';
import { type Clock, type Entropy, Stopwatch } from './clock.ts';
import { CoordinationError, isCoordinationError } from './errors.ts';
import { recall, remember, type TabStorage } from './storage.ts';

/** A token is renewed this long before it ends: the request that uses it takes time too. */
const earlyMs = 30_000;

const key = 'devmentor:session';

interface SignedIn {
  readonly token: AuthToken;
  /** Made up here: whoever steals the token has not got it, so reuse is still found out. */
  readonly refreshKey: string;
  readonly since: Stopwatch;
}

interface Kept {
  readonly token: AuthToken;
  readonly refreshKey: string;
  readonly atMs: number;
}

export interface AuthSessionOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly storage: TabStorage | undefined;
  readonly refresh: (refreshToken: string) => Promise<AuthToken>;
}

export class AuthSession {
  readonly #options: AuthSessionOptions;
  #signedIn: SignedIn | undefined;
  #ageAtStartMs = 0;
  #flight: Promise<string | undefined> | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(options: AuthSessionOptions) {
    this.#options = options;
    const kept = recall<Kept>(options.storage, key);
    if (kept === undefined) return;
    const { token, refreshKey } = kept;
    this.#signedIn = { token, refreshKey, since: new Stopwatch(options.clock) };
    this.#ageAtStartMs = Math.max(0, options.clock.wallMs() - kept.atMs);
  }

  get user(): User | undefined {
    return this.#signedIn?.token.user;
  }

  /** @throws CoordinationError UNAUTHENTICATED when nobody is signed in. */
  get userId(): string {
    if (this.#signedIn !== undefined) return this.#signedIn.token.user.id;
    throw new CoordinationError('UNAUTHENTICATED', { applied: 'no', detail: 'nobody is signed in' });
  }

  get refreshToken(): string | undefined {
    return this.#signedIn?.token.refreshToken;
  }

  /** Under which the refresh token is to be used (A3). */
  get refreshKey(): string | undefined {
    return this.#signedIn?.refreshKey;
  }

  signIn(token: AuthToken): void {
    const { clock, entropy, storage } = this.#options;
    const refreshKey = entropy.id();
    this.#signedIn = { token, refreshKey, since: new Stopwatch(clock) };
    this.#ageAtStartMs = 0;
    remember(storage, key, { token, refreshKey, atMs: clock.wallMs() } satisfies Kept);
    this.#notify();
  }

  signOut(): void {
    if (this.#signedIn === undefined) return;
    this.#signedIn = undefined;
    remember(this.#options.storage, key, undefined);
    this.#notify();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A bearer to send now; `undefined` when nobody is signed in. */
  async accessToken(): Promise<string | undefined> {
    const held = this.#signedIn;
    if (held === undefined) return undefined;
    const ageMs = this.#ageAtStartMs + held.since.elapsedMs();
    const remainingMs = held.token.expiresIn * 1_000 - ageMs;
    return remainingMs > earlyMs ? held.token.accessToken : this.#refreshed();
  }

  /** Another bearer, after the server refused this one. */
  async renew(refused: string): Promise<string | undefined> {
    const current = this.#signedIn?.token.accessToken;
    // Somebody else has renewed it since that request was sent.
    if (current !== undefined && current !== refused) return current;
    return this.#refreshed();
  }

  #refreshed(): Promise<string | undefined> {
    this.#flight ??= this.#refresh().finally(() => {
      this.#flight = undefined;
    });
    return this.#flight;
  }

  async #refresh(): Promise<string | undefined> {
    const before = this.#signedIn;
    if (before === undefined) return undefined;
    try {
      const token = await this.#options.refresh(before.token.refreshToken);
      // Signed out, or in as somebody else, while the answer was on its way.
      if (this.#signedIn === before) this.signIn(token);
      return this.#signedIn?.token.accessToken;
    } catch (error) {
      if (!isCoordinationError(error) || error.problem === undefined || error.problem.status >= 429) throw error;
      if (this.#signedIn === before) this.signOut();
      return undefined;
    }
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
