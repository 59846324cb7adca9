// Accounts
//
// Who may come in: by name and password, or, in the demo, as a guest. Answers are bodies of the
// wire; refusals are problems.
import { createHash } from 'node:crypto';
import type {
  AuthToken,
  Credentials,
  GuestRequest,
  Registration,
  Session,
  TokenValidation,
  User,
} from '@devmentor/contracts';
import type { Clock, Entropy } from '@devmentor/locks';
import type { RecordStore, Runtime } from '@devmentor/runtime';
import { Problem } from '../problem.ts';
import { GUEST_PREFIX } from '../projects/ids.ts';
import { timeText } from '../projects/wire.ts';
import { ACCESS_TTL_MS, type AccessTokens, type Caller } from './access-tokens.ts';
import { AccountActor } from './account-actor.ts';
import { GuestCounter } from './guest-counter-actor.ts';
import type { PasswordHasher } from './password-hasher.ts';
import type { FailureThrottle } from './throttle.ts';
import { UserActor, type UserProfile } from './user-actor.ts';

const SESSION_TTL_MS = 30 * 24 * 3_600_000;

export interface AccountsOptions {
  readonly runtime: Runtime;
  readonly records: RecordStore;
  readonly tokens: AccessTokens;
  readonly hasher: PasswordHasher;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly registration: boolean;
  /** Projects every guest finds in his list; `none` lets no guest in. */
  readonly guests: { readonly projects: readonly string[] } | 'none';
  /** Slow down guessing; absent on a machine that only its owner can reach. */
  readonly throttles?: { readonly byName: FailureThrottle; readonly byAddress: FailureThrottle };
}

export class Accounts {
  readonly #with: AccountsOptions;

  constructor(options: AccountsOptions) {
    this.#with = options;
  }

  async register(registration: Registration): Promise<{ user: User }> {
    const { runtime, hasher, clock, entropy } = this.#with;
    if (!this.#with.registration) throw new Problem('FORBIDDEN', 'registration is switched off here');
    const { username, password, displayName = username } = registration;
    const name = runtime.actor(AccountActor, accountKey(username));
    // Hashing is the dear part; a name that is taken need not pay for it.
    if ((await name.read()).context.account !== null) throw taken();
    const profile: UserProfile = {
      id: entropy.id(),
      username,
      displayName,
      kind: 'account',
      createdAtMs: clock.wallMs(),
    };
    const passwordHash = await hasher.hash(password);
    const account = { userId: profile.id, username, displayName, passwordHash, createdAtMs: profile.createdAtMs };
    const reply = await name.ask({ type: 'open', account });
    if (reply.kind === 'taken') throw taken();
    await runtime.actor(UserActor, profile.id).tell({ type: 'introduce', profile });
    return { user: userToWire(profile) };
  }

  async login({ username, password }: Credentials, address: string): Promise<AuthToken> {
    const { runtime, hasher, throttles } = this.#with;
    const key = accountKey(username);
    const waitMs = Math.max(throttles?.byName.waitMs(key) ?? 0, throttles?.byAddress.waitMs(address) ?? 0);
    if (waitMs > 0) throw new Problem('RATE_LIMITED', 'too many failed logins', { retryAfterMs: waitMs });
    const { account } = (await runtime.actor(AccountActor, key).read()).context;
    const matches = await hasher.verify(password, account?.passwordHash);
    if (!matches || account === null) {
      throttles?.byName.failed(key);
      throttles?.byAddress.failed(address);
      throw new Problem('INVALID_CREDENTIALS', 'no such user, or another password');
    }
    throttles?.byName.succeeded(key);
    const profile: UserProfile = {
      id: account.userId,
      username: account.username,
      displayName: account.displayName,
      kind: 'account',
      createdAtMs: account.createdAtMs,
    };
    // Heals a registration that ended between the two writes; otherwise it changes nothing.
    await runtime.actor(UserActor, profile.id).tell({ type: 'introduce', profile });
    return this.#signIn(profile);
  }

  /** A new user with nothing to remember; without a name, numbered in order of arrival. */
  async guest({ name }: GuestRequest): Promise<AuthToken> {
    const { runtime, clock, entropy, guests } = this.#with;
    if (guests === 'none') throw new Problem('FORBIDDEN', 'guests are let in by the demo only');
    const displayName = name ?? `User ${(await runtime.actor(GuestCounter, 'counter').ask({ type: 'arrive' })).number}`;
    const createdAtMs = clock.wallMs();
    const profile: UserProfile = {
      id: `${GUEST_PREFIX}${entropy.id()}`,
      username: displayName,
      displayName,
      kind: 'guest',
      createdAtMs,
    };
    const user = runtime.actor(UserActor, profile.id);
    await user.tell({ type: 'introduce', profile });
    for (const projectId of guests.projects)
      await user.tell({ type: 'member.joined', projectId, version: 0, atMs: createdAtMs });
    return this.#signIn(profile);
  }

  async validate(token: string): Promise<TokenValidation> {
    const verified = await this.#with.tokens.verify(token);
    if (verified.kind !== 'valid') return { valid: false, reason: verified.kind };
    const { sub, sid, iat, exp } = verified.claims;
    return { valid: true, claims: { sub, sid, iat, exp, roles: [] } };
  }

  /** The caller behind an access token. */
  async authenticate(token: string | undefined): Promise<Caller> {
    if (token === undefined)
      throw new Problem('UNAUTHENTICATED', 'send an access token as a bearer', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    const verified = await this.#with.tokens.verify(token);
    if (verified.kind === 'valid') return verified.caller;
    const headers = { 'www-authenticate': 'Bearer error="invalid_token"' };
    if (verified.kind === 'expired') throw new Problem('TOKEN_EXPIRED', 'get a new access token', { headers });
    throw new Problem('UNAUTHENTICATED', 'the access token is not one of ours', { headers });
  }

  async isKnown(userId: string): Promise<boolean> {
    const user = await this.#with.runtime.actor(UserActor, userId).read();
    return user.context.profile !== null;
  }

  async #signIn(profile: UserProfile): Promise<AuthToken> {
    const { tokens, records, clock, entropy } = this.#with;
    const sessionId = entropy.id();
    const secret = entropy.id() + entropy.id();
    const createdAtMs = clock.wallMs();
    const expiresAtMs = createdAtMs + SESSION_TTL_MS;
    const { token } = await tokens.issue({
      userId: profile.id,
      displayName: profile.displayName,
      kind: profile.kind,
      sessionId,
    });
    const refreshHash = createHash('sha256').update(secret).digest('base64url');
    await records.put(
      `session/${sessionId}`,
      { v: 1, userId: profile.id, createdAtMs, expiresAtMs, refreshHash },
      { expects: 'absent', ttlMs: SESSION_TTL_MS },
    );
    const session: Session = {
      id: sessionId,
      userId: profile.id,
      createdAt: timeText(createdAtMs),
      expiresAt: timeText(expiresAtMs),
      current: true,
    };
    return {
      accessToken: token,
      refreshToken: `${sessionId}.${secret}`,
      tokenType: 'Bearer',
      expiresIn: ACCESS_TTL_MS / 1000,
      session,
      user: userToWire(profile),
    };
  }
}

function taken(): Problem {
  return new Problem('ALREADY_EXISTS', 'the username is taken');
}

/** Names differ by more than case. */
function accountKey(username: string): string {
  return username.toLowerCase();
}

function userToWire({ id, username, displayName, kind }: UserProfile): User {
  return { id, username, displayName, roles: [], guest: kind === 'guest' };
}
