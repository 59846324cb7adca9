// Routes
//
// Every address of the server: method, path template and who may call. Bodies and answers
// stand in `operations.ts`; this file imports nothing, so a browser may load it.

/**
 * Who may call: anybody, the bearer of an access token, the bearer or a one-use ticket, or
 * whoever holds the claim token in the body.
 */
export type RouteAuth = 'none' | 'bearer' | 'bearer-or-ticket' | 'claim-token';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `:name` stands for one percent-encoded segment. */
  readonly path: `/${string}`;
  readonly auth: RouteAuth;
  /** Takes an `Idempotency-Key`. For claims the key is the lock's request id. */
  readonly idempotent?: true;
  /** Carries source files: its body may be larger than others'. */
  readonly large?: true;
  /** Needs `If-Match`, and `X-Claim-Token` while the caller holds the claim. */
  readonly conditional?: true;
}

export const routes = {
  'auth.register': { method: 'POST', path: '/api/v1/auth/register', auth: 'none' },
  'auth.guest': { method: 'POST', path: '/api/v1/auth/guest', auth: 'none' },
  'auth.login': { method: 'POST', path: '/api/v1/auth/login', auth: 'none' },
  'auth.refresh': { method: 'POST', path: '/api/v1/auth/refresh', auth: 'none', idempotent: true },
  'auth.validate': { method: 'POST', path: '/api/v1/auth/validate', auth: 'bearer' },
  'auth.revoke': { method: 'POST', path: '/api/v1/auth/revoke', auth: 'bearer' },
  'auth.ticket': { method: 'POST', path: '/api/v1/auth/tickets', auth: 'bearer' },
  'auth.createSession': { method: 'POST', path: '/api/v1/auth/sessions', auth: 'bearer', idempotent: true },
  'auth.listSessions': { method: 'GET', path: '/api/v1/auth/sessions', auth: 'bearer' },
  'auth.getSession': { method: 'GET', path: '/api/v1/auth/sessions/:id', auth: 'bearer' },
  'auth.terminateSession': { method: 'DELETE', path: '/api/v1/auth/sessions/:id', auth: 'bearer' },

  'projects.create': { method: 'POST', path: '/api/v1/projects', auth: 'bearer', idempotent: true },
  'projects.list': { method: 'GET', path: '/api/v1/projects', auth: 'bearer' },
  'projects.get': { method: 'GET', path: '/api/v1/projects/:id', auth: 'bearer' },
  'projects.update': { method: 'PATCH', path: '/api/v1/projects/:id', auth: 'bearer', conditional: true },
  'projects.delete': { method: 'DELETE', path: '/api/v1/projects/:id', auth: 'bearer', conditional: true },
  'projects.claim': { method: 'POST', path: '/api/v1/projects/:id/claim', auth: 'bearer', idempotent: true },
  'projects.release': { method: 'POST', path: '/api/v1/projects/:id/release', auth: 'bearer' },
  'projects.renew': { method: 'POST', path: '/api/v1/projects/:id/renew', auth: 'bearer' },
  'projects.detach': { method: 'POST', path: '/api/v1/projects/:id/detach', auth: 'claim-token' },
  'projects.lease': { method: 'GET', path: '/api/v1/projects/:id/lease', auth: 'bearer' },
  'projects.takeover': { method: 'POST', path: '/api/v1/projects/:id/takeover', auth: 'bearer', idempotent: true },
  'projects.answerTakeover': {
    method: 'POST',
    path: '/api/v1/projects/:id/takeover/:requestId/answer',
    auth: 'bearer',
  },
  'projects.withdrawTakeover': { method: 'DELETE', path: '/api/v1/projects/:id/takeover/:requestId', auth: 'bearer' },
  'projects.addCollaborator': { method: 'PUT', path: '/api/v1/projects/:id/collaborators/:userId', auth: 'bearer' },
  'projects.removeCollaborator': {
    method: 'DELETE',
    path: '/api/v1/projects/:id/collaborators/:userId',
    auth: 'bearer',
  },

  'ai.analyze': { method: 'POST', path: '/api/v1/ai/analyses', auth: 'bearer', idempotent: true, large: true },
  'ai.suggest': { method: 'POST', path: '/api/v1/ai/suggestions', auth: 'bearer', idempotent: true, large: true },
  'ai.putProblem': { method: 'PUT', path: '/api/v1/ai/problems/:id', auth: 'bearer', large: true },
  'ai.createBlackboard': {
    method: 'POST',
    path: '/api/v1/ai/blackboards',
    auth: 'bearer',
    idempotent: true,
    large: true,
  },
  'ai.listBlackboards': { method: 'GET', path: '/api/v1/ai/blackboards', auth: 'bearer' },
  'ai.getBlackboard': { method: 'GET', path: '/api/v1/ai/blackboards/:id', auth: 'bearer' },
  'ai.deleteBlackboard': { method: 'DELETE', path: '/api/v1/ai/blackboards/:id', auth: 'bearer' },
  'ai.contribute': {
    method: 'POST',
    path: '/api/v1/ai/blackboards/:id/contributions',
    auth: 'bearer',
    idempotent: true,
  },
  'ai.listContributions': { method: 'GET', path: '/api/v1/ai/blackboards/:id/contributions', auth: 'bearer' },
  'ai.synthesize': { method: 'POST', path: '/api/v1/ai/blackboards/:id/synthesis', auth: 'bearer', idempotent: true },
  'ai.getSolution': { method: 'GET', path: '/api/v1/ai/blackboards/:id/solution', auth: 'bearer' },
  'ai.pauseBlackboard': { method: 'POST', path: '/api/v1/ai/blackboards/:id/pause', auth: 'bearer' },
  'ai.resumeBlackboard': { method: 'POST', path: '/api/v1/ai/blackboards/:id/resume', auth: 'bearer' },
  'ai.cancelBlackboard': { method: 'POST', path: '/api/v1/ai/blackboards/:id/cancel', auth: 'bearer' },
  'ai.startConversation': { method: 'POST', path: '/api/v1/ai/conversations', auth: 'bearer', idempotent: true },
  'ai.sendMessage': { method: 'POST', path: '/api/v1/ai/conversations/:id/messages', auth: 'bearer', idempotent: true },
  'ai.streamResponse': { method: 'GET', path: '/api/v1/ai/conversations/:id/stream', auth: 'bearer' },
  'ai.stopResponse': { method: 'POST', path: '/api/v1/ai/conversations/:id/stop', auth: 'bearer' },

  'learning.getPath': { method: 'GET', path: '/api/v1/learning/path', auth: 'bearer' },
  'learning.updateProgress': { method: 'POST', path: '/api/v1/learning/progress', auth: 'bearer', idempotent: true },
  'learning.putQuiz': { method: 'PUT', path: '/api/v1/learning/quizzes/:id', auth: 'bearer' },
  'learning.getQuiz': { method: 'GET', path: '/api/v1/learning/quizzes/:id', auth: 'bearer' },
  'learning.submitAnswer': {
    method: 'POST',
    path: '/api/v1/learning/quizzes/:id/answers',
    auth: 'bearer',
    idempotent: true,
  },
  'learning.getRecommendations': { method: 'GET', path: '/api/v1/learning/recommendations', auth: 'bearer' },

  'memory.store': { method: 'PUT', path: '/api/v1/memory/entries/:key', auth: 'bearer' },
  'memory.retrieve': { method: 'GET', path: '/api/v1/memory/entries/:key', auth: 'bearer' },
  'memory.delete': { method: 'DELETE', path: '/api/v1/memory/entries/:key', auth: 'bearer' },
  'memory.storeEmbedding': { method: 'PUT', path: '/api/v1/memory/embeddings/:id', auth: 'bearer' },
  'memory.findSimilar': { method: 'POST', path: '/api/v1/memory/similar', auth: 'bearer' },
  'memory.invalidate': { method: 'POST', path: '/api/v1/memory/invalidate', auth: 'bearer' },
  'memory.flush': { method: 'POST', path: '/api/v1/memory/flush', auth: 'bearer' },

  'locks.acquire': { method: 'POST', path: '/api/v1/locks/:resource/acquire', auth: 'bearer', idempotent: true },
  'locks.renew': { method: 'POST', path: '/api/v1/locks/:resource/renew', auth: 'bearer' },
  'locks.release': { method: 'POST', path: '/api/v1/locks/:resource/release', auth: 'bearer' },
  'locks.get': { method: 'GET', path: '/api/v1/locks/:resource', auth: 'bearer' },
  'locks.list': { method: 'GET', path: '/api/v1/locks', auth: 'bearer' },

  'events.stream': { method: 'GET', path: '/api/events', auth: 'bearer-or-ticket' },
  'events.socket': { method: 'GET', path: '/ws', auth: 'bearer-or-ticket' },

  'health.live': { method: 'GET', path: '/health/live', auth: 'none' },
  'health.ready': { method: 'GET', path: '/health/ready', auth: 'none' },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

/** The names of the `:parameters` in a path template. */
export type PathParams<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | PathParams<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

/** The names of a route's path parameters; `never` when it has none. */
export type RouteParams<Name extends RouteName> = PathParams<(typeof routes)[Name]['path']>;

/** Query values; an absent or `undefined` one is left out, a list is joined by commas. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

type PathArguments<Name extends RouteName> = [RouteParams<Name>] extends [never]
  ? [params?: Readonly<Record<string, never>>, query?: Query]
  : [params: Readonly<Record<RouteParams<Name>, string>>, query?: Query];

/**
 * The path of a route, from the root, with every parameter percent-encoded.
 *
 * @throws RangeError when a parameter is empty, `.` or `..`: a URL parser would resolve
 *   it away and the request would reach another route.
 * @example pathTo('projects.claim', { id: '123' }) // '/api/v1/projects/123/claim'
 */
export function pathTo<Name extends RouteName>(name: Name, ...args: PathArguments<Name>): string {
  const params: Readonly<Record<string, string>> = args[0] ?? {};
  const path = routes[name].path.replace(/:([A-Za-z]+)/g, (_, key: string) => segment(key, params[key]));
  return path + queryText(args[1] ?? {});
}

function segment(name: string, value: string | undefined): string {
  if (value === undefined || value === '' || value === '.' || value === '..') {
    throw new RangeError(`The path parameter ${name} cannot be ${JSON.stringify(value)}`);
  }
  return encodeURIComponent(value);
}

function queryText(query: Query): string {
  const pairs: string[] = [];
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const text = Array.isArray(value) ? value.map(listItem).join(',') : String(value);
    pairs.push(`${encodeURIComponent(key)}=${encodeURIComponent(text)}`);
  }
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

// A resource may hold commas, so inside a list an item's own comma (and the percent sign
// that would make this ambiguous) is escaped before the whole value is.
function listItem(item: string): string {
  return item.replace(/[%,]/g, encodeURIComponent);
}

/** The request and answer headers the contract gives a meaning. */
export const headers = {
  claimToken: 'X-Claim-Token',
  confirm: 'X-Confirm',
  idempotencyKey: 'Idempotency-Key',
  idempotencyReplayed: 'Idempotency-Replayed',
  ifMatch: 'If-Match',
  ifNoneMatch: 'If-None-Match',
  etag: 'ETag',
  lastEventId: 'Last-Event-ID',
  requestId: 'X-Request-Id',
  retryAfter: 'Retry-After',
} as const;

/** What `X-Confirm` must say for a memory flush. */
export const flushConfirmation = 'flush';

/** The WebSocket subprotocol, and with it the version of the frames. */
export const socketProtocol = 'devmentor.v1';

/** The second `Sec-WebSocket-Protocol` entry, which carries the access token. */
export function bearerProtocol(accessToken: string): string {
  return `bearer.${accessToken}`;
}

/** The strong entity tag of a version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}
