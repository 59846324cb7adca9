import type {
  AuthServiceClient,
  AuthToken,
  CallOptions,
  Credentials,
  Registered,
  Registration,
  Session,
  Sessions,
  Ticket,
  TokenValidation,
  User,
} from '@devmentor/contracts';
import { pathTo } from '@devmentor/contracts/routes';
import type { AuthSession } from './auth-session.ts';
import { isCoordinationError } from './errors.ts';
import type { ServiceTransport } from './service-transport.ts';

/** Who somebody is. Signing in here signs in the whole client. */
export class AuthServiceProxy implements AuthServiceClient {
  readonly #transport: ServiceTransport;
  readonly #session: AuthSession;

  constructor(transport: ServiceTransport, session: AuthSession) {
    this.#transport = transport;
    this.#session = session;
  }

  async authenticate(credentials: Credentials, options: CallOptions = {}): Promise<AuthToken> {
    const { data } = await this.#transport.post<AuthToken>(pathTo('auth.login'), credentials, {
      ...options,
      anonymous: true,
    });
    this.#session.signIn(data);
    return data;
  }

  /** Signs in under a name only, where the server lets guests in. */
  async guest(name?: string, options: CallOptions = {}): Promise<AuthToken> {
    const body = name === undefined ? {} : { name };
    const { data } = await this.#transport.post<AuthToken>(pathTo('auth.guest'), body, { ...options, anonymous: true });
    this.#session.signIn(data);
    return data;
  }

  async register(registration: Registration, options: CallOptions = {}): Promise<User> {
    const path = pathTo('auth.register');
    const { data } = await this.#transport.post<Registered>(path, registration, { ...options, anonymous: true });
    return data.user;
  }

  async validateToken(token: string, options: CallOptions = {}): Promise<TokenValidation> {
    const request = { ...options, repeatable: true };
    return (await this.#transport.post<TokenValidation>(pathTo('auth.validate'), { token }, request)).data;
  }

  async refreshToken(refreshToken: string, options: CallOptions = {}): Promise<AuthToken> {
    const own = refreshToken === this.#session.refreshToken;
    const key = own ? this.#session.refreshKey : undefined;
    const request = { ...options, anonymous: true, ...(key === undefined ? {} : { idempotencyKey: key }) };
    const { data } = await this.#transport.create<AuthToken>(pathTo('auth.refresh'), { refreshToken }, request);
    if (own) this.#session.signIn(data);
    return data;
  }

  async revokeToken(token: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.post(pathTo('auth.revoke'), { token }, { ...options, repeatable: true });
  }

  /** A session beside the one in use; the caller's own, whatever `userId` another role may name. */
  async createSession(userId?: string, options: CallOptions = {}): Promise<Session> {
    const body = userId === undefined ? {} : { userId };
    return (await this.#transport.create<Session>(pathTo('auth.createSession'), body, options)).data;
  }

  async sessions(options: CallOptions = {}): Promise<Session[]> {
    return (await this.#transport.get<Sessions>(pathTo('auth.listSessions'), options)).data.items;
  }

  async validateSession(sessionId: string, options: CallOptions = {}): Promise<boolean> {
    try {
      await this.#transport.get(pathTo('auth.getSession', { id: sessionId }), options);
      return true;
    } catch (error) {
      if (isCoordinationError(error) && error.code === 'NOT_FOUND') return false;
      throw error;
    }
  }

  async terminateSession(sessionId: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete(pathTo('auth.terminateSession', { id: sessionId }), options);
  }

  /** One use, half a minute: a way in for a plain `EventSource`. */
  async ticket(options: CallOptions = {}): Promise<Ticket> {
    return (await this.#transport.post<Ticket>(pathTo('auth.ticket'), undefined, options)).data;
  }
}
