// Server
//
// Wiring only: backends, services, shells, and the order in which they start and end. Two servers
// live in one process without knowing of each other.
import type { AddressInfo } from 'node:net';
import type { RouteName } from '@devmentor/contracts/routes';
import { type Clock, type Entropy, systemClock, systemEntropy } from '@devmentor/locks';
import type { FastifyBaseLogger } from 'fastify';
import { pino } from 'pino';
import type { PasswordHasher } from './auth/password-hasher.ts';
import { type Backends, clusterBackends, dataBackends, memoryBackends } from './backends.ts';
import { withBoardHints, withBoardLogs } from './boards/board-feed.ts';
import { type Backend, isLoopback } from './config.ts';
import { DEMO_PROJECT, seedDemo } from './demo.ts';
import { createApp, leaving, serve } from './http/app.ts';
import { authRoutes } from './http/auth-routes.ts';
import { boardRoutes } from './http/board-routes.ts';
import { serveDocs } from './http/docs-routes.ts';
import { healthRoutes } from './http/health-routes.ts';
import { serveMetrics } from './http/metrics-route.ts';
import { answerTheRest, noteRoutes } from './http/not-found.ts';
import { projectRoutes } from './http/project-routes.ts';
import { Attachments } from './live/attachments.ts';
import { EventStreams } from './live/event-streams.ts';
import { Sockets } from './live/sockets.ts';
import { TopicAccess } from './live/topic-access.ts';
import { TopicFeed } from './live/topic-feed.ts';
import { openServices, type Services } from './services.ts';

/** How long running requests may take when the server leaves. */
const ANSWER_MS = 3_000;

export interface ServerOptions {
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** @default 0, any free port */
  readonly port?: number;
  /** Where state lives; given `Backends` stay the giver's to close. @default memory */
  readonly backend?: Backend | Backends;
  /** @default 'devmentor' */
  readonly namespace?: string;
  readonly authSecret?: string;
  /** Lets guests in and seeds project `123`. */
  readonly demo?: boolean;
  /** A built single-page app to serve. */
  readonly ui?: string;
  readonly origins?: readonly string[];
  readonly registration?: boolean;
  /** Serves `/metrics` for Prometheus, to whoever asks. @default on a loopback host only */
  readonly metrics?: boolean;
  readonly log?: FastifyBaseLogger;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  readonly hasher?: PasswordHasher;
}

export interface Server extends AsyncDisposable {
  /** `http://host:port` */
  readonly url: string;
  readonly services: Services;
  /** WebSockets that are open now. */
  readonly openSockets: number;
  /** Event streams that are open now. */
  readonly openStreams: number;
  /**
   * Leaves in order: unready, sockets sent elsewhere, running requests answered, shards handed
   * over. Claims of users stay theirs. Concurrent and later calls share the first one's end.
   */
  close(): Promise<void>;
}

/**
 * Starts a server in this process and resolves when it listens.
 *
 * @example
 * await using server = await createServer({ demo: true });
 * console.log(server.url);
 */
export async function createServer(options: ServerOptions = {}): Promise<Server> {
  const {
    host = '127.0.0.1',
    port = 0,
    namespace = 'devmentor',
    origins = [],
    clock = systemClock,
    entropy = systemEntropy,
  } = options;
  const log = options.log ?? pino({ level: 'silent' });
  const onFault = (fault: unknown): void => log.warn({ err: fault }, 'fault');
  const { backends, isOurs } = await openBackends(options.backend ?? { kind: 'memory' }, namespace, { clock, entropy });
  const undo: (() => Promise<unknown>)[] = [];
  const leave = new AbortController();
  let phase: 'starting' | 'ready' | 'draining' = 'starting';

  const unwind = async (): Promise<void> => {
    phase = 'draining';
    leave.abort(leaving());
    for (const step of undo.reverse()) await step().catch(onFault);
  };

  try {
    undo.push(async () => {
      if (!isOurs) return;
      await backends.locks.close({ leases: 'keep' });
      await backends.close();
    });
    const services = await openServices({
      backends,
      clock,
      entropy,
      namespace,
      ...(options.authSecret !== undefined && { authSecret: options.authSecret }),
      registration: options.registration ?? true,
      guests: options.demo === true ? { projects: [DEMO_PROJECT] } : 'none',
      throttled: options.authSecret !== undefined || !isLoopback(host),
      ...(options.hasher !== undefined && { hasher: options.hasher }),
      onFault,
    });
    const { runtime, revocations, blackboards } = services;
    undo.push(async () => revocations.close());
    await revocations.open();
    undo.push(() => runtime.stop());
    await runtime.start();
    undo.push(() => runtime.drain());
    undo.push(() => blackboards.stop());
    await blackboards.start({ runtime });
    if (options.demo === true) await seedDemo(runtime, clock);

    const attachments = new Attachments({
      locks: backends.locks,
      transport: backends.transport,
      namespace,
      node: runtime.incarnation,
    });
    await attachments.open();
    const feed = new TopicFeed({
      log: withBoardLogs(backends.log, blackboards),
      hints: withBoardHints(backends.hints, blackboards),
      clock,
    });
    undo.push(async () => {
      feed.close();
      await attachments.close();
    });

    const appOptions = { accounts: services.accounts, entropy, log, origins, leaving: leave.signal };
    const app = await createApp(appOptions);
    const known = noteRoutes(app);
    const access = new TopicAccess(services);
    const sockets = new Sockets({ ...services, attachments, feed, access, clock, entropy, origins, onFault });
    await sockets.serve(app);
    const streams = new EventStreams({ ...services, feed, access, clock, entropy, onFault });
    streams.serve(app);
    const health = { phase: () => phase, backends: () => backends.check() };
    const handlers = {
      ...authRoutes(services),
      ...projectRoutes(services),
      ...boardRoutes(services),
      ...healthRoutes(health),
    };
    serve(app, handlers, appOptions);
    const served = [...(Object.keys(handlers) as RouteName[]), 'events.stream', 'events.socket'] as const;
    serveDocs(app, served);
    if (options.metrics ?? isLoopback(host))
      serveMetrics(app, { runtime: runtime.metrics, locks: backends.locks.metrics, namespace });
    await answerTheRest(app, known, options.ui);
    undo.push(async () => {
      // Whoever is still sending or reading by then has had his time.
      const cut = clock.background(ANSWER_MS, () => app.server.closeAllConnections());
      await app.close();
      cut();
    });
    undo.push(() => Promise.all([sockets.close(), streams.close()]));

    await app.listen({ host, port });
    phase = 'ready';
    const url = urlOf(host, app.server.address() as AddressInfo);
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => (closing ??= unwind());
    return {
      url,
      services,
      get openSockets() {
        return sockets.open;
      },
      get openStreams() {
        return streams.open;
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function openBackends(
  backend: Backend | Backends,
  namespace: string,
  platform: { readonly clock: Clock; readonly entropy: Entropy },
): Promise<{ backends: Backends; isOurs: boolean }> {
  if ('locks' in backend) return { backends: backend, isOurs: false };
  if (backend.kind === 'memory') return { backends: memoryBackends(platform), isOurs: true };
  if (backend.kind === 'data') return { backends: await dataBackends(backend.dir, platform), isOurs: true };
  return { backends: await clusterBackends({ ...backend, namespace }, platform), isOurs: true };
}

function urlOf(host: string, { port }: AddressInfo): string {
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}
