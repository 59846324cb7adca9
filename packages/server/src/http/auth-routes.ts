import type { Accounts } from '../auth/accounts.ts';
import type { Sessions } from '../auth/sessions.ts';
import { Problem } from '../problem.ts';
import type { Handlers } from './call.ts';
import { type Idempotency, keyed } from './idempotency.ts';

export interface AuthRoutesOptions {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly idempotency: Idempotency;
}

export function authRoutes({ accounts, sessions, idempotency }: AuthRoutesOptions): Handlers {
  return {
    'auth.register': async ({ body }) => ({ status: 201, body: await accounts.register(body) }),
    'auth.login': async ({ body, address }) => ({ status: 200, body: await accounts.login(body, address) }),
    'auth.guest': async ({ body }) => ({ status: 201, body: await accounts.guest(body) }),
    'auth.validate': async ({ body }) => ({ status: 200, body: await accounts.validate(body.token) }),

    'auth.refresh': async ({ body, idempotencyKey }) => ({
      status: 200,
      body: await sessions.refresh(body.refreshToken, idempotencyKey),
    }),
    'auth.revoke': async ({ body }) => {
      await accounts.revoke(body.token);
      return { status: 204 };
    },
    'auth.ticket': async ({ caller }) => ({ status: 201, body: await accounts.issueTicket(caller) }),

    'auth.createSession': async (call) => {
      const { caller, body } = call;
      if (body.userId !== undefined && body.userId !== caller.userId)
        throw new Problem('USER_MISMATCH', 'a session is opened for oneself');
      return idempotency.once(keyed('auth.createSession', call), async (seed) => {
        const session = await sessions.create(caller, seed);
        return { status: 201, body: session, headers: { location: `/api/v1/auth/sessions/${session.id}` } };
      });
    },
    'auth.listSessions': async ({ caller }) => ({ status: 200, body: { items: await sessions.list(caller) } }),
    'auth.getSession': async ({ caller, params }) => ({ status: 200, body: await sessions.get(caller, params.id) }),
    'auth.terminateSession': async ({ caller, params }) => {
      await sessions.terminate(caller, params.id);
      return { status: 204 };
    },
  };
}
