// The domain without its shells: what HTTP, WebSocket and in-process callers all ask.
import { ArchitectureAgent, BlackboardSystem } from '@devmentor/agents';
import { concernsOf, createRuntime, leaseActor, leaseRelay, type Runtime } from '@devmentor/runtime';
import { AccessTokens } from './auth/access-tokens.ts';
import { AccountActor } from './auth/account-actor.ts';
import { Accounts } from './auth/accounts.ts';
import { loadAuthKeys } from './auth/auth-key.ts';
import { GuestCounter } from './auth/guest-counter-actor.ts';
import { Argon2Hasher } from './auth/password-hasher.argon2.ts';
import type { PasswordHasher } from './auth/password-hasher.ts';
import { RefreshSeal } from './auth/refresh-seal.ts';
import { Revocations } from './auth/revocations.ts';
import { Sessions } from './auth/sessions.ts';
import { FailureThrottle } from './auth/throttle.ts';
import { Tickets } from './auth/tickets.ts';
import { UserActor } from './auth/user-actor.ts';
import type { Backends, Platform } from './backends.ts';
import { Boards } from './boards/boards.ts';
import { Idempotency } from './http/idempotency.ts';
import { ClaimSeal } from './projects/claim-seal.ts';
import { Claims } from './projects/claims.ts';
import { ProjectActor } from './projects/project-actor.ts';
import { Projects, visibleProject } from './projects/projects.ts';
import { Takeovers } from './projects/takeovers.ts';

export interface ServicesOptions extends Platform {
  readonly backends: Backends;
  readonly namespace: string;
  readonly authSecret?: string;
  readonly registration: boolean;
  readonly guests: { readonly projects: readonly string[] } | 'none';
  /** Slow down guessing. */
  readonly throttled: boolean;
  readonly hasher?: PasswordHasher;
  readonly onFault: (fault: unknown) => void;
}

export interface Services {
  readonly runtime: Runtime;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly revocations: Revocations;
  readonly projects: Projects;
  readonly boards: Boards;
  readonly blackboards: BlackboardSystem;
  readonly claims: Claims;
  readonly takeovers: Takeovers;
  readonly idempotency: Idempotency;
  readonly expectVisible: (userId: string, projectId: string) => Promise<unknown>;
}

/** Wires the services; the runtime is made and not yet started. */
export async function openServices(options: ServicesOptions): Promise<Services> {
  const { backends, clock, entropy, namespace, onFault } = options;
  const { locks, state, records, transport } = backends;
  await state.open();
  await locks.open();
  const keys = await loadAuthKeys(options.authSecret, records, entropy);
  const blackboards = new BlackboardSystem({
    store: backends.boards,
    locks,
    namespace,
    ...(backends.kind === 'shared' && { transport }),
    sources: [new ArchitectureAgent()],
    clock,
    entropy,
    onFault,
  });
  const runtime = createRuntime({
    actors: [
      ProjectActor,
      UserActor,
      AccountActor,
      GuestCounter,
      ...blackboards.actors,
      leaseActor({ locks }),
      leaseRelay({ locks, clock, concerns: concernsOf(['project']) }),
    ],
    namespace,
    state,
    ...(backends.kind === 'shared' && { locks, transport }),
    clock,
    entropy,
    onFault,
    onDeadLetter: onFault,
  });
  const expectVisible = (userId: string, projectId: string): Promise<unknown> =>
    visibleProject(runtime, userId, projectId);
  const claims = new Claims({ locks, state, seal: new ClaimSeal(keys.claims), clock, expectVisible });
  const tokens = new AccessTokens({ key: keys.accessTokens, clock, entropy });
  const revocations = new Revocations({ records, log: backends.log, transport, namespace, clock });
  const seal = new RefreshSeal(keys.refreshTokens);
  const sessions = new Sessions({ records, tokens, seal, revocations, clock, entropy });
  const accounts = new Accounts({
    runtime,
    clock,
    entropy,
    tokens,
    sessions,
    revocations,
    tickets: new Tickets({ records, clock, entropy }),
    hasher: options.hasher ?? new Argon2Hasher(),
    registration: options.registration,
    guests: options.guests,
    ...(options.throttled && {
      throttles: {
        byName: new FailureThrottle({ clock, allowed: 10, windowMs: 5 * 60_000 }),
        byAddress: new FailureThrottle({ clock, allowed: 50, windowMs: 5 * 60_000 }),
      },
    }),
  });
  return {
    runtime,
    accounts,
    sessions,
    revocations,
    claims,
    takeovers: new Takeovers({
      locks,
      claims,
      clock,
      visible: (userId, projectId) => visibleProject(runtime, userId, projectId),
      onFault,
    }),
    expectVisible,
    projects: new Projects({ runtime, claims, clock }),
    blackboards,
    boards: new Boards({ system: blackboards, store: backends.boards, records }),
    idempotency: new Idempotency({ records, clock, entropy }),
  };
}
