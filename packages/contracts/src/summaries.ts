// What each route does and what each code means, for people: the OpenAPI document and the pages
// under `/docs` are made of these and of the tables beside them.
import type { Code } from './codes.ts';
import type { RouteName } from './routes.ts';

/** One line on each route. */
export const summaries = {
  'auth.register': 'Makes an account',
  'auth.guest': 'Lets a guest in (demo only)',
  'auth.login': 'Signs in with name and password',
  'auth.refresh': 'Exchanges a refresh token; each is used once, and reuse ends its session',
  'auth.validate': 'Says whether an access token counts, and what it claims',
  'auth.revoke': 'Ends an access token, or a refresh token with its whole session',
  'auth.ticket': 'Gives a one-use ticket for a plain EventSource or WebSocket',
  'auth.createSession': 'Opens a session of the caller',
  'auth.listSessions': 'Lists the sessions of the caller',
  'auth.getSession': 'Reads a session of the caller',
  'auth.terminateSession': 'Ends a session of the caller with all its tokens',

  'projects.create': 'Makes a project',
  'projects.list': 'Lists the projects of the caller',
  'projects.get': 'Reads a project',
  'projects.update': 'Changes a project by a JSON merge patch',
  'projects.delete': 'Deletes a project',
  'projects.claim': 'Claims a project for editing',
  'projects.release': 'Gives a claim back',
  'projects.renew': 'Prolongs a claim under the same fence',
  'projects.detach': 'Starts the grace of a claim whose page goes away',
  'projects.lease': 'Says who holds the claim',
  'projects.takeover': 'Asks for a claim that another holds',
  'projects.answerTakeover': 'Answers who asked for one’s claim',
  'projects.withdrawTakeover': 'Withdraws one’s request for a claim',
  'projects.addCollaborator': 'Adds a collaborator',
  'projects.removeCollaborator': 'Removes a collaborator, with topics and claim',

  'ai.analyze': 'Analyses code',
  'ai.suggest': 'Suggests changes of code',
  'ai.putProblem': 'Stores a problem to open a board on',
  'ai.createBlackboard': 'Opens a blackboard on a problem',
  'ai.listBlackboards': 'Lists the blackboards of the caller, newest first',
  'ai.getBlackboard': 'Reads a blackboard: status, counts, agenda, budget',
  'ai.deleteBlackboard': 'Deletes a blackboard with its log',
  'ai.contribute': 'Adds what somebody has to say to a blackboard',
  'ai.listContributions': 'Lists the contributions in the order of the log',
  'ai.synthesize': 'Gives the solution, or what the board has to say so far',
  'ai.getSolution': 'Reads the solution the board last came to',
  'ai.pauseBlackboard': 'Pauses a blackboard',
  'ai.resumeBlackboard': 'Resumes a paused blackboard',
  'ai.cancelBlackboard': 'Ends a blackboard now',
  'ai.startConversation': 'Starts a conversation',
  'ai.sendMessage': 'Sends a message of a conversation',
  'ai.streamResponse': 'Streams the running or latest answer',
  'ai.stopResponse': 'Stops the running answer',

  'learning.getPath': 'Reads a learning path',
  'learning.updateProgress': 'Notes progress of a learner',
  'learning.putQuiz': 'Stores a quiz',
  'learning.getQuiz': 'Reads a quiz without its answers',
  'learning.submitAnswer': 'Answers a question of a quiz',
  'learning.getRecommendations': 'Recommends what to learn next',

  'memory.store': 'Stores a value under a key',
  'memory.retrieve': 'Reads the value of a key',
  'memory.delete': 'Deletes a key',
  'memory.storeEmbedding': 'Stores a vector',
  'memory.findSimilar': 'Finds the nearest vectors',
  'memory.invalidate': 'Deletes the keys that fit a pattern',
  'memory.flush': 'Deletes all keys of the caller',

  'locks.acquire': 'Acquires a lock',
  'locks.renew': 'Prolongs a lock',
  'locks.release': 'Releases a lock',
  'locks.get': 'Says who holds a lock',
  'locks.list': 'Lists locks',

  'events.stream': 'Streams live events (SSE), resumable by Last-Event-ID or cursor',
  'events.socket': 'Opens the live connection (WebSocket, subprotocol devmentor.v1)',

  'health.live': 'Says that the process runs',
  'health.ready': 'Says whether requests are served, and by which backends',
} as const satisfies Record<RouteName, string>;

/** What a client is told by each code, and what it may do now. */
export const guidance = {
  VALIDATION_FAILED:
    'Part of the request does not have the form of the contract. `errors` names the places. Send it differently.',
  UNAUTHENTICATED: 'The access token or ticket is missing, not ours, used, or revoked. Sign in, or refresh.',
  TOKEN_EXPIRED: 'The access token is over. Refresh, and repeat the request.',
  INVALID_CREDENTIALS: 'Name and password do not fit, or the session of the refresh token has ended. Sign in.',
  FORBIDDEN: 'This is known and not allowed, whoever asks again. `detail` says why.',
  USER_MISMATCH: 'The `userId` is not the caller’s. Leave it out.',
  NOT_FOUND: 'It does not exist, or not for this caller.',
  METHOD_NOT_ALLOWED: 'The address exists, the method does not. `Allow` names those that do.',
  ALREADY_EXISTS: 'The name or id is taken. Choose another.',
  CLAIM_ATTACHED: 'Another page of the same user edits under this claim.',
  STALE_CLAIM: 'A newer claim was granted since; what was sent is not written. Claim again and look at what is there.',
  IDEMPOTENCY_IN_PROGRESS: 'The first request with this key has not been answered yet. Repeat it after `Retry-After`.',
  CLAIM_EXPIRED: 'The claim has ended. Claim again.',
  CURSOR_GONE: 'The cursor is older than what is kept. Read the thing anew.',
  VERSION_MISMATCH:
    'The thing has changed since it was read; `current` is how it is now. Merge, and repeat with its tag.',
  PAYLOAD_TOO_LARGE: 'The body is larger than this route takes.',
  UNSUPPORTED_MEDIA_TYPE: 'Send `application/json`.',
  IDEMPOTENCY_KEY_REUSED: 'The key was used for another body. Use a fresh key for another request.',
  DIMENSION_MISMATCH: 'The index holds vectors of another dimension.',
  RESOURCE_LOCKED: 'Somebody else holds the claim; `holder` says who, `retryAfterMs` when to try again.',
  IF_MATCH_REQUIRED: 'Send the `ETag` that was last seen as `If-Match`.',
  CLAIM_REQUIRED: 'The caller holds the claim: send its token as `X-Claim-Token`.',
  RATE_LIMITED: 'Too many requests or failed tries. Wait for `Retry-After`.',
  OVERLOADED: 'The server has as much to do as it takes. Wait for `Retry-After`.',
  BACKEND_UNAVAILABLE:
    'A store cannot be reached, or did not answer: what was asked may have been done. Repeat with the same `Idempotency-Key`, or look.',
  SHUTTING_DOWN: 'This server is leaving. Repeat at another, or after `Retry-After`.',
  UPSTREAM_TIMEOUT:
    'There was no answer in time: what was asked may have been done. Repeat with the same `Idempotency-Key`, or look.',
} as const satisfies Record<Code, string>;
