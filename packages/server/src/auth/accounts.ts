// Accounts
//
// Who may come in: by name and password, or, in the demo, as a guest. Answers are bodies of the
// wire; refusals are problems.
import type {
  AuthToken,
  Credentials,
  GuestRequest,
  Registration,
  Ticket,
  TokenValidation,
  User,
} from '@devmentor/contracts';
import type { Clock, Entropy } from '@devmentor/locks';
import type { Runtime } from '@devmentor/runtime';
import { Problem } from '../problem.ts';
import { GUEST_PREFIX } from '../projects/ids.ts';
import type { AccessTokens, Caller } from './access-tokens.ts';
import { AccountActor } from './account-actor.ts';
import { GuestCounter } from './guest-counter-actor.ts';
import type { PasswordHasher } from './password-hasher.ts';
import type { Revocations } from './revocations.ts';
import type { Sessions } from './sessions.ts';
import type { FailureThrottle } from './throttle.ts';
import type { Tickets } from './tickets.ts';
import { UserActor, type UserProfile, userToWire } from './user-actor.ts';

export interface AccountsOptions {
  readonly runtime: Runtime;
  readonly tokens: AccessTokens;
  readonly sessions: Sessions;
  readonly revocations: Revocations;
  readonly tickets: Tickets;
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
    const passwordHash = await hasher.hash(asTyped(password));
    const account = { userId: profile.id, username, displayName, passwordHash, createdAtMs: profile.createdAtMs };
    const reply = await name.ask({ type: 'open', account });
    if (reply.kind === 'taken') throw taken();
    await runtime.actor(UserActor, profile.id).tell({ type: 'introduce', profile });
    return { user: userToWire(profile) };
  }

  async login({ username, password }: Credentials, address: string): Promise<AuthToken> {
    const { runtime, hasher, throttles } = this.#with;
    const key = accountKey(username);
    this.#expectPatience(key, address);
    const { account } = (await runtime.actor(AccountActor, key).read()).context;
    const matches = await hasher.verify(asTyped(password), account?.passwordHash);
    // Guesses that were made at once learn no more than those made one after the other.
    this.#expectPatience(key, address);
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
    return this.#with.sessions.signIn(profile);
  }

  #expectPatience(name: string, address: string): void {
    const { throttles } = this.#with;
    const waitMs = Math.max(throttles?.byName.waitMs(name) ?? 0, throttles?.byAddress.waitMs(address) ?? 0);
    if (waitMs > 0) throw new Problem('RATE_LIMITED', 'too many failed logins', { retryAfterMs: waitMs });
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
    return this.#with.sessions.signIn(profile);
  }

  async validate(token: string): Promise<TokenValidation> {
    const verified = await this.#with.tokens.verify(token);
    if (verified.kind !== 'valid') return { valid: false, reason: verified.kind };
    if ((await this.#with.revocations.standing(verified.caller)) === 'revoked')
      return { valid: false, reason: 'revoked' };
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
    if (verified.kind === 'valid') return this.#expectGood(verified.caller);
    if (verified.kind === 'expired')
      throw new Problem('TOKEN_EXPIRED', 'get a new access token', { headers: INVALID_TOKEN });
    throw new Problem('UNAUTHENTICATED', 'the access token is not one of ours', { headers: INVALID_TOKEN });
  }

  /** The caller behind a one-use ticket, which is used by this. */
  async redeem(ticket: string): Promise<Caller> {
    const caller = await this.#with.tickets.redeem(ticket);
    if (caller === undefined)
      throw new Problem('UNAUTHENTICATED', 'the ticket is none of ours, was used, or is too old');
    return this.#expectGood(caller);
  }

  issueTicket(caller: Caller): Promise<Ticket> {
    return this.#with.tickets.issue(caller);
  }

  /** Whether a caller who was let in before may stay; asks the store only if this node cannot know. */
  async isGood(caller: Caller): Promise<boolean> {
    return (await this.#with.revocations.standing(caller)) === 'good';
  }

  /**
   * Ends what a token gives: a refresh token its session with all that came of it, an access token
   * only itself. What is no token of ours gives nothing, so there is nothing to end.
   */
  async revoke(token: string): Promise<void> {
    if (await this.#with.sessions.revokeByRefreshToken(token)) return;
    const verified = await this.#with.tokens.verify(token);
    if (verified.kind !== 'valid') return;
    const { tokenId: id, expiresAtMs } = verified.caller;
    await this.#with.revocations.revoke({ kind: 'token', id, expiresAtMs });
  }

  async #expectGood(caller: Caller): Promise<Caller> {
    if (await this.isGood(caller)) return caller;
    throw new Problem('UNAUTHENTICATED', 'the access token was revoked', { headers: INVALID_TOKEN });
  }

  async isKnown(userId: string): Promise<boolean> {
    const user = await this.#with.runtime.actor(UserActor, userId).read();
    return user.context.profile !== null;
  }
}

const INVALID_TOKEN = { 'www-authenticate': 'Bearer error="invalid_token"' };

function taken(): Problem {
  return new Problem('ALREADY_EXISTS', 'the username is taken');
}

/** Two keyboards write one character as different code points; it is the same password (RFC 8265). */
function asTyped(password: string): string {
  return password.normalize('NFC');
}

/** Names differ by more than case. */
function accountKey(username: string): string {
  return username.toLowerCase();
}
