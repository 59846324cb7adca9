import { limits } from '@devmentor/contracts';
import { routes, socketProtocol } from '@devmentor/contracts/routes';
import type { Unsubscribe } from '@devmentor/locks';
import websocket from '@fastify/websocket';
import type { App } from '../http/app.ts';
import { isAllowedOrigin } from '../http/origins.ts';
import { Problem } from '../problem.ts';
import { Socket, type SocketOptions } from './socket.ts';

export interface SocketsOptions extends SocketOptions {
  readonly origins: readonly string[];
  readonly maxSockets?: number;
}

/** Those who are sent away come back within this time, not all at once. */
const MAX_RETURN_MS = 5_000;

/** All WebSockets of this server. */
export class Sockets {
  readonly #with: SocketsOptions;
  readonly #sockets = new Set<Socket>();
  readonly #deaf: Unsubscribe;
  #isLeaving = false;

  constructor(options: SocketsOptions) {
    this.#with = options;
    this.#deaf = options.revocations.onNews((news) => {
      for (const socket of this.#sockets) socket.heardOf(news);
    });
  }

  /** How many are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Serves `/ws`. What must not be upgraded is refused as any other request is. */
  async serve(app: App): Promise<void> {
    const { origins, maxSockets = 10_000 } = this.#with;
    const { path } = routes['events.socket'];
    await app.register(websocket, {
      options: {
        maxPayload: limits.frameBytes,
        perMessageDeflate: false,
        handleProtocols: (offered: Set<string>) => (offered.has(socketProtocol) ? socketProtocol : false),
      },
      // A peer's mistake is the peer's: ws ends the connection with the code that fits, nobody logs it.
      errorHandler: () => {},
      // The server closes its sockets itself, in order, before it stops listening.
      preClose: (done) => done(),
    });
    // The plugin would upgrade any address, unseen by what follows, and close it again at the peer's leisure.
    app.addHook('onRequest', async (request) => {
      if (request.ws && request.routeOptions.url !== path)
        throw new Problem('VALIDATION_FAILED', `only ${path} speaks WebSocket`);
    });
    app.route({
      method: 'GET',
      url: path,
      preValidation: async (request) => {
        if (!request.ws) throw new Problem('VALIDATION_FAILED', 'this address speaks WebSocket');
        const { origin } = request.headers;
        if (origin !== undefined && !isAllowedOrigin(origin, origins))
          throw new Problem('FORBIDDEN', 'pages of this origin may not connect');
        const offered = protocolsOf(request.headers['sec-websocket-protocol']);
        if (offered.length > 0 && !offered.includes(socketProtocol))
          throw Problem.invalid([{ pointer: 'Sec-WebSocket-Protocol', message: `does not offer ${socketProtocol}` }]);
        if (this.#sockets.size >= maxSockets)
          throw new Problem('OVERLOADED', 'too many connections', { retryAfterMs: 5_000 });
      },
      handler: (request) => {
        throw new Problem('VALIDATION_FAILED', `${request.url} speaks WebSocket`);
      },
      wsHandler: (socket, request) => {
        const bearer = protocolsOf(request.headers['sec-websocket-protocol'])
          .find((entry) => entry.startsWith('bearer.'))
          ?.slice('bearer.'.length);
        const { ticket } = request.query as { readonly ticket?: unknown };
        const credential = {
          ...(bearer !== undefined && { bearer }),
          ...(typeof ticket === 'string' && { ticket }),
        };
        const live = new Socket(socket, credential, this.#with);
        this.#sockets.add(live);
        void live.over.then(() => this.#sockets.delete(live));
        // Its upgrade was under way when the others were sent off.
        if (this.#isLeaving) live.goAway(0);
      },
    });
  }

  /** Sends everybody away, each to come back at a moment of his own, and waits until all claims are away. */
  async close(): Promise<void> {
    this.#isLeaving = true;
    this.#deaf();
    const windowMs = Math.min(MAX_RETURN_MS, 200 + 10 * this.#sockets.size);
    for (const socket of this.#sockets) socket.goAway(Math.floor(this.#with.entropy.random() * windowMs));
    while (this.#sockets.size > 0) await Promise.all([...this.#sockets].map(({ over }) => over));
  }
}

function protocolsOf(header: string | undefined): readonly string[] {
  return (header ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
