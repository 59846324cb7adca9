// The HTTP shell: fastify, the rules that hold for every route, and the walk over the contract's
// table. A handler sees only what passed the schemas; whatever is thrown leaves as a problem.
import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import {
  idempotencyKeySchema,
  limits,
  type Operation,
  operations,
  parse,
  pathParams,
  problemMediaType,
} from '@devmentor/contracts';
import { type Route, type RouteName, routes } from '@devmentor/contracts/routes';
import type { Entropy } from '@devmentor/locks';
import cors from '@fastify/cors';
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { z } from 'zod';
import type { Accounts } from '../auth/accounts.ts';
import { isUnforeseen, Problem, toProblem } from '../problem.ts';
import type { Answer, Call, Handlers } from './call.ts';
import { isUnchanged } from './etag.ts';
import { digest } from './idempotency.ts';
import { isAllowedOrigin } from './origins.ts';

export interface AppOptions {
  readonly accounts: Accounts;
  readonly entropy: Entropy;
  readonly log: FastifyBaseLogger;
  readonly origins: readonly string[];
  /** Aborts when the server begins to leave; waiting requests end then. */
  readonly leaving: AbortSignal;
}

export type App = FastifyInstance;

const PRIVATE = { 'cache-control': 'private, no-cache' } as const;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;
const EXPOSED = ['ETag', 'Location', 'Retry-After', 'X-Request-Id', 'Idempotency-Replayed'];

export async function createApp(options: AppOptions): Promise<App> {
  const app: App = fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.bodyBytes,
    routerOptions: { maxParamLength: 4 * limits.resourceBytes },
    // Requests that run when the server leaves are still answered.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // To receive a request, not to answer it: claims may wait longer.
    requestTimeout: 30_000,
    // Whatever else a client would rather speak (Java's offers h2c with every first request) is not
    // spoken here, and its request is answered as it is. Older versions of Node do not ask.
    http: { shouldUpgradeCallback: isSocketRequest },
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : options.entropy.id();
    },
    frameworkErrors: (error, request, reply) => sendProblem(fromFastify(error), request, reply),
    clientErrorHandler: ({ code }, socket) => {
      // There is no request to answer, only a line to write and a socket to close.
      const detail = code === 'HPE_HEADER_OVERFLOW' ? 'the headers are too long' : 'the request is not HTTP';
      const body = JSON.stringify(new Problem('VALIDATION_FAILED', detail).toDocument(options.entropy.id()));
      if (socket.writable)
        socket.end(
          `HTTP/1.1 400 Bad Request\r\ncontent-type: ${problemMediaType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
        );
    },
  });

  app.setErrorHandler((error: FastifyError, request, reply) => sendProblem(fromFastify(error), request, reply));
  await acceptJson(app);
  await app.register(cors, {
    origin: (origin, done) => done(null, origin !== undefined && isAllowedOrigin(origin, options.origins)),
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED,
    maxAge: 600,
    strictPreflight: false,
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    const { traceparent } = request.headers;
    if (typeof traceparent === 'string') reply.header('traceparent', traceparent);
    // While leaving, health is still told; everything else is sent elsewhere.
    if (options.leaving.aborted && !request.url.startsWith('/health/')) throw leaving();
  });
  app.addHook('onResponse', async (request, reply) => {
    request.log.debug(
      { method: request.method, url: request.routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime },
      'answered',
    );
  });
  return app;
}

/** Whether it asks for the WebSocket, at the one address that has it. */
function isSocketRequest({ url = '', headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket' && url.split('?', 1)[0] === routes['events.socket'].path;
}

/** Only JSON is read; an empty body is no body. */
async function acceptJson(app: App): Promise<void> {
  app.removeAllContentTypeParsers();
  // Strict: what is not UTF-8 would otherwise be stored as something else than was sent.
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  const read = (
    { headers }: FastifyRequest,
    bytes: Buffer,
    done: (error: Error | null, body?: unknown) => void,
  ): void => {
    const { 'content-encoding': encoding = 'identity' } = headers;
    if (encoding.toLowerCase() !== 'identity') {
      done(new Problem('UNSUPPORTED_MEDIA_TYPE', 'send the body without a content encoding'));
      return;
    }
    try {
      done(null, bytes.length === 0 ? undefined : JSON.parse(utf8.decode(bytes)));
    } catch {
      done(Problem.invalid([{ pointer: '', message: 'is not JSON in UTF-8' }]));
    }
  };
  // Plain text is what a beacon can send; the routes that do not take it refuse it below.
  const types = ['application/json', 'application/merge-patch+json', 'text/plain'];
  app.addContentTypeParser(types, { parseAs: 'buffer' }, read);
}

/** Serves the routes that have a handler, each as the contract's table says. */
export function serve(app: App, handlers: Handlers, options: AppOptions): void {
  for (const name of Object.keys(handlers) as RouteName[]) {
    const route: Route = routes[name];
    const handler = handlers[name] as ((call: Call) => Promise<Answer>) | undefined;
    if (handler === undefined) continue;
    app.route({
      method: route.method,
      url: route.path,
      ...(route.large === true && { bodyLimit: limits.largeBodyBytes }),
      handler: async (request, reply) =>
        send(reply, cached(route, request, await handler(await readCall(name, request, reply, options)))),
    });
  }
}

async function readCall(
  name: RouteName,
  request: FastifyRequest,
  reply: FastifyReply,
  options: AppOptions,
): Promise<Call> {
  const route: Route = routes[name];
  const operation: Operation = operations[name];
  // Who is asking comes first: a stranger learns nothing about what a good request looks like.
  const caller = route.auth === 'bearer' ? await options.accounts.authenticate(bearerOf(request)) : undefined;
  if (isPlainText(request) && route.auth !== 'claim-token')
    throw new Problem('UNSUPPORTED_MEDIA_TYPE', 'send application/json');
  const params = Object.entries(request.params ?? {}).map(([key, value]) => [
    key,
    checked(pathParams[key as keyof typeof pathParams], value, `/${key}`),
  ]);
  const idempotencyKey = header(request, 'idempotency-key');
  const call = {
    caller,
    params: Object.fromEntries(params),
    query: operation.query === undefined ? undefined : checked(operation.query, request.query, ''),
    body: operation.body === undefined ? undefined : checked(operation.body, request.body, ''),
    header: (wanted: string) => header(request, wanted),
    address: request.ip,
    idempotencyKey:
      route.idempotent === true && idempotencyKey !== undefined
        ? checked(idempotencyKeySchema, idempotencyKey, 'Idempotency-Key')
        : undefined,
    // Made for those who wait: most requests never look at it.
    get signal() {
      return AbortSignal.any([options.leaving, hangUp(reply)]);
    },
  };
  return call as unknown as Call;
}

/** Aborts when the client goes before its answer is written. */
function hangUp(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const look = (): void => {
    if (!reply.raw.writableFinished) gone.abort(new Problem('UPSTREAM_TIMEOUT', 'the client hung up'));
  };
  // He may be gone already: who he is was asked first.
  if (reply.raw.destroyed) look();
  else reply.raw.once('close', look);
  return gone.signal;
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, at: string): z.output<Schema> {
  const parsed = parse(schema, value);
  if (parsed.kind === 'ok') return parsed.value;
  throw Problem.invalid(parsed.errors.map(({ pointer, message }) => ({ pointer: `${at}${pointer}`, message })));
}

export function bearerOf(request: FastifyRequest): string | undefined {
  const match = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '');
  return match?.[1];
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function isPlainText(request: FastifyRequest): boolean {
  return request.headers['content-type']?.toLowerCase().startsWith('text/plain') === true;
}

/**
 * What a caller reads may be kept by him, and asked about with its tag: the version's, or one made
 * of the answer itself.
 */
function cached(route: Route, request: FastifyRequest, answer: Answer): Answer {
  const { status, body, headers } = answer;
  if (route.method !== 'GET' || route.auth !== 'bearer' || status !== 200) return answer;
  const etag = headers?.etag ?? `"${digest([JSON.stringify(body)])}"`;
  const kept = { ...PRIVATE, etag };
  return isUnchanged(header(request, 'if-none-match'), etag)
    ? { status: 304, headers: kept }
    : { status, body, headers: { ...headers, ...kept } };
}

function send(reply: FastifyReply, { status, body, headers }: Answer): FastifyReply {
  reply.code(status).headers({ 'cache-control': 'no-store', ...headers });
  if (body === undefined) return reply.send();
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body));
}

export function leaving(): Problem {
  return new Problem('SHUTTING_DOWN', 'the server is shutting down', { retryAfterMs: 1_000 });
}

const FASTIFY_CODES: Readonly<Record<string, Problem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: new Problem('PAYLOAD_TOO_LARGE', 'the body is larger than this route takes'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: new Problem('UNSUPPORTED_MEDIA_TYPE', 'send application/json'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: Problem.invalid([
    { pointer: 'Content-Length', message: 'is not the length of the body' },
  ]),
  FST_ERR_BAD_URL: new Problem('VALIDATION_FAILED', 'the address is not a good URL'),
  FST_ERR_MAX_PARAM_LENGTH: new Problem('VALIDATION_FAILED', 'a part of the address is too long'),
};

function fromFastify(error: FastifyError | Error): unknown {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = FASTIFY_CODES[code];
  if (known !== undefined) return known;
  const status = 'statusCode' in error ? error.statusCode : undefined;
  // Whatever else fastify blames on the client.
  return code.startsWith('FST_') && status !== undefined && status < 500
    ? new Problem('VALIDATION_FAILED', error.message)
    : error;
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error);
  // Without the query, which may hold a ticket.
  const [url] = request.url.split('?', 1);
  if (isUnforeseen(error)) request.log.error({ err: error, url }, 'unforeseen');
  else if (problem.status >= 500) request.log.warn({ err: error, code: problem.code, url }, 'refused');
  const { retryAfterMs, headers } = { ...problem.facts };
  const wait =
    retryAfterMs === undefined || problem.status < 423
      ? {}
      : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
  void reply
    .code(problem.status)
    .headers({ 'x-request-id': request.id, 'cache-control': 'no-store', ...wait, ...headers })
    .type(problemMediaType)
    .send(JSON.stringify(problem.toDocument(request.id)));
}
