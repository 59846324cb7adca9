import type { Accounts } from '../auth/accounts.ts';
import type { Handlers } from './call.ts';

export function authRoutes(accounts: Accounts): Handlers {
  return {
    'auth.register': async ({ body }) => ({ status: 201, body: await accounts.register(body) }),
    'auth.login': async ({ body, address }) => ({ status: 200, body: await accounts.login(body, address) }),
    'auth.guest': async ({ body }) => ({ status: 201, body: await accounts.guest(body) }),
    'auth.validate': async ({ body }) => ({ status: 200, body: await accounts.validate(body.token) }),
  };
}
