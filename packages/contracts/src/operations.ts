// Operations
//
// What each route takes and answers. A server that walks this table and `routes` together
// serves the contract; the OpenAPI document is made from the same two.
import type { z } from 'zod';
import {
  analysisInputSchema,
  blackboardPageSchema,
  blackboardSchema,
  boardProblemSchema,
  codeAnalysisSchema,
  contributeSchema,
  contributionPageSchema,
  contributionSchema,
  contributionsQuerySchema,
  conversationSchema,
  createBlackboardSchema,
  messageSchema,
  responseSchema,
  solutionSchema,
  startConversationSchema,
  streamQuerySchema,
  suggestionInputSchema,
  suggestionsSchema,
} from './ai.ts';
import {
  authTokenSchema,
  createSessionSchema,
  credentialsSchema,
  guestSchema,
  refreshSchema,
  registeredSchema,
  registerSchema,
  sessionSchema,
  sessionsSchema,
  ticketSchema,
  tokenBodySchema,
  tokenValidationSchema,
} from './auth.ts';
import type { Code } from './codes.ts';
import { eventsQuerySchema } from './events-query.ts';
import { liveSchema, readySchema } from './health.ts';
import {
  answerSchema,
  learnerQuerySchema,
  learningPathSchema,
  putQuizSchema,
  quizResultSchema,
  quizSchema,
  recommendationsSchema,
  updateProgressSchema,
} from './learning.ts';
import {
  acquireLockSchema,
  listLocksQuerySchema,
  lockGrantSchema,
  lockPageSchema,
  lockReleaseResultSchema,
  lockViewSchema,
  releaseLockSchema,
  renewLockSchema,
} from './locks.ts';
import {
  entrySchema,
  invalidateSchema,
  removedSchema,
  similarItemsSchema,
  similarSchema,
  storeEmbeddingSchema,
  storeEntrySchema,
} from './memory.ts';
import { idSchema, memoryKeySchema, pageQuerySchema, resourceSchema } from './primitives.ts';
import {
  claimSchema,
  claimTokenSchema,
  createProjectSchema,
  detachSchema,
  leaseQuerySchema,
  leaseSchema,
  projectPageSchema,
  projectSchema,
  releaseResultSchema,
  releaseSchema,
  renewSchema,
  takeoverAnswerSchema,
  takeoverRequestSchema,
  takeoverSchema,
  updateProjectSchema,
} from './projects.ts';
import type { RouteName } from './routes.ts';

/** The schema of each path parameter, by its name in the templates. */
export const pathParams = {
  id: idSchema,
  userId: idSchema,
  requestId: idSchema,
  key: memoryKeySchema,
  resource: resourceSchema,
} as const;

/** Marks an answer without a body. */
export const nothing = 'nothing';
/** Marks an answer that is `text/event-stream`. */
export const eventStream = 'event-stream';

export interface Operation {
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** The good answers, by status. */
  readonly answers: Readonly<Record<number, z.ZodType | typeof nothing | typeof eventStream>>;
  /** What else it may answer, besides {@link commonCodes}. */
  readonly codes: readonly Code[];
}

/** What any route may answer. Those of authentication only where there is one. */
export const commonCodes = [
  'VALIDATION_FAILED',
  'UNAUTHENTICATED',
  'TOKEN_EXPIRED',
  'METHOD_NOT_ALLOWED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'OVERLOADED',
  'BACKEND_UNAVAILABLE',
  'SHUTTING_DOWN',
  'UPSTREAM_TIMEOUT',
] as const satisfies readonly Code[];

const keyed = ['IDEMPOTENCY_IN_PROGRESS', 'IDEMPOTENCY_KEY_REUSED'] as const satisfies readonly Code[];
const claimEnded = ['CLAIM_EXPIRED', 'STALE_CLAIM'] as const satisfies readonly Code[];
const guarded = [
  'NOT_FOUND',
  'VERSION_MISMATCH',
  'IF_MATCH_REQUIRED',
  'CLAIM_REQUIRED',
  'RESOURCE_LOCKED',
  ...claimEnded,
] as const satisfies readonly Code[];

const board = { answers: { 200: blackboardSchema }, codes: ['NOT_FOUND'] } as const satisfies Operation;
/** A board that is in no state for it says so. */
const steered = { answers: { 200: blackboardSchema }, codes: ['NOT_FOUND', 'FORBIDDEN'] } as const satisfies Operation;

export const operations = {
  'auth.register': {
    body: registerSchema,
    answers: { 201: registeredSchema },
    codes: ['ALREADY_EXISTS', 'FORBIDDEN'],
  },
  'auth.guest': { body: guestSchema, answers: { 201: authTokenSchema }, codes: ['FORBIDDEN'] },
  'auth.login': { body: credentialsSchema, answers: { 200: authTokenSchema }, codes: ['INVALID_CREDENTIALS'] },
  'auth.refresh': {
    body: refreshSchema,
    answers: { 200: authTokenSchema },
    codes: ['INVALID_CREDENTIALS', ...keyed],
  },
  'auth.validate': { body: tokenBodySchema, answers: { 200: tokenValidationSchema }, codes: [] },
  'auth.revoke': { body: tokenBodySchema, answers: { 204: nothing }, codes: [] },
  'auth.ticket': { answers: { 201: ticketSchema }, codes: [] },
  'auth.createSession': {
    body: createSessionSchema,
    answers: { 201: sessionSchema },
    codes: ['USER_MISMATCH', ...keyed],
  },
  'auth.listSessions': { answers: { 200: sessionsSchema }, codes: [] },
  'auth.getSession': { answers: { 200: sessionSchema }, codes: ['NOT_FOUND'] },
  'auth.terminateSession': { answers: { 204: nothing }, codes: ['NOT_FOUND'] },

  'projects.create': { body: createProjectSchema, answers: { 201: projectSchema }, codes: keyed },
  'projects.list': { query: pageQuerySchema, answers: { 200: projectPageSchema }, codes: ['CURSOR_GONE'] },
  'projects.get': { answers: { 200: projectSchema, 304: nothing }, codes: ['NOT_FOUND'] },
  'projects.update': { body: updateProjectSchema, answers: { 200: projectSchema }, codes: guarded },
  'projects.delete': { answers: { 204: nothing }, codes: guarded },
  'projects.claim': {
    body: claimSchema,
    // 201 a new grant, 200 the one the same user and instance already had.
    answers: { 200: claimTokenSchema, 201: claimTokenSchema },
    codes: ['NOT_FOUND', 'USER_MISMATCH', 'RESOURCE_LOCKED', 'CLAIM_EXPIRED', ...keyed],
  },
  'projects.release': { body: releaseSchema, answers: { 200: releaseResultSchema }, codes: ['NOT_FOUND'] },
  'projects.renew': { body: renewSchema, answers: { 200: claimTokenSchema }, codes: ['NOT_FOUND', ...claimEnded] },
  'projects.detach': { body: detachSchema, answers: { 204: nothing }, codes: ['NOT_FOUND'] },
  'projects.lease': { query: leaseQuerySchema, answers: { 200: leaseSchema }, codes: ['NOT_FOUND'] },
  'projects.takeover': {
    body: takeoverSchema,
    answers: { 200: claimTokenSchema, 201: claimTokenSchema, 202: takeoverRequestSchema },
    codes: ['NOT_FOUND', 'FORBIDDEN', 'RESOURCE_LOCKED', 'CLAIM_EXPIRED', ...keyed],
  },
  'projects.answerTakeover': {
    body: takeoverAnswerSchema,
    answers: { 200: takeoverRequestSchema },
    codes: ['NOT_FOUND', 'FORBIDDEN', 'CLAIM_EXPIRED'],
  },
  'projects.withdrawTakeover': { answers: { 204: nothing }, codes: ['NOT_FOUND'] },
  'projects.addCollaborator': { answers: { 204: nothing }, codes: ['NOT_FOUND', 'FORBIDDEN'] },
  'projects.removeCollaborator': { answers: { 204: nothing }, codes: ['NOT_FOUND', 'FORBIDDEN'] },

  'ai.analyze': { body: analysisInputSchema, answers: { 200: codeAnalysisSchema }, codes: keyed },
  'ai.suggest': { body: suggestionInputSchema, answers: { 200: suggestionsSchema }, codes: keyed },
  'ai.putProblem': { body: boardProblemSchema, answers: { 204: nothing }, codes: [] },
  'ai.createBlackboard': {
    body: createBlackboardSchema,
    // 200 when the board of this problemId is already open.
    answers: { 200: blackboardSchema, 201: blackboardSchema },
    codes: ['NOT_FOUND', ...keyed],
  },
  'ai.listBlackboards': { query: pageQuerySchema, answers: { 200: blackboardPageSchema }, codes: ['CURSOR_GONE'] },
  'ai.getBlackboard': board,
  'ai.deleteBlackboard': { answers: { 204: nothing }, codes: ['NOT_FOUND'] },
  'ai.contribute': {
    body: contributeSchema,
    answers: { 201: contributionSchema },
    codes: ['NOT_FOUND', 'FORBIDDEN', ...keyed],
  },
  'ai.listContributions': {
    query: contributionsQuerySchema,
    answers: { 200: contributionPageSchema },
    codes: ['NOT_FOUND', 'CURSOR_GONE'],
  },
  'ai.synthesize': { answers: { 200: solutionSchema }, codes: ['NOT_FOUND', ...keyed] },
  'ai.getSolution': { answers: { 200: solutionSchema }, codes: ['NOT_FOUND'] },
  'ai.pauseBlackboard': steered,
  'ai.resumeBlackboard': steered,
  'ai.cancelBlackboard': steered,
  'ai.startConversation': {
    body: startConversationSchema,
    answers: { 201: conversationSchema },
    codes: ['USER_MISMATCH', ...keyed],
  },
  'ai.sendMessage': {
    body: messageSchema,
    // 200 with `Prefer: wait`, once the answer is complete.
    answers: { 200: responseSchema, 202: responseSchema },
    codes: ['NOT_FOUND', ...keyed],
  },
  'ai.streamResponse': {
    query: streamQuerySchema,
    answers: { 200: eventStream },
    codes: ['NOT_FOUND', 'CURSOR_GONE'],
  },
  'ai.stopResponse': { answers: { 204: nothing }, codes: ['NOT_FOUND'] },

  'learning.getPath': { query: learnerQuerySchema, answers: { 200: learningPathSchema }, codes: ['USER_MISMATCH'] },
  'learning.updateProgress': {
    body: updateProgressSchema,
    answers: { 204: nothing },
    codes: ['NOT_FOUND', 'USER_MISMATCH', ...keyed],
  },
  'learning.putQuiz': { body: putQuizSchema, answers: { 204: nothing }, codes: ['FORBIDDEN'] },
  'learning.getQuiz': { answers: { 200: quizSchema }, codes: ['NOT_FOUND'] },
  'learning.submitAnswer': { body: answerSchema, answers: { 200: quizResultSchema }, codes: ['NOT_FOUND', ...keyed] },
  'learning.getRecommendations': {
    query: learnerQuerySchema,
    answers: { 200: recommendationsSchema },
    codes: ['USER_MISMATCH'],
  },

  'memory.store': { body: storeEntrySchema, answers: { 204: nothing }, codes: [] },
  'memory.retrieve': { answers: { 200: entrySchema }, codes: ['NOT_FOUND'] },
  'memory.delete': { answers: { 204: nothing }, codes: [] },
  'memory.storeEmbedding': { body: storeEmbeddingSchema, answers: { 204: nothing }, codes: ['DIMENSION_MISMATCH'] },
  'memory.findSimilar': { body: similarSchema, answers: { 200: similarItemsSchema }, codes: ['DIMENSION_MISMATCH'] },
  'memory.invalidate': { body: invalidateSchema, answers: { 200: removedSchema }, codes: ['FORBIDDEN'] },
  'memory.flush': { answers: { 200: removedSchema }, codes: ['FORBIDDEN'] },

  'locks.acquire': {
    body: acquireLockSchema,
    answers: { 200: lockGrantSchema, 201: lockGrantSchema },
    codes: ['FORBIDDEN', 'RESOURCE_LOCKED', 'CLAIM_EXPIRED', ...keyed],
  },
  'locks.renew': {
    body: renewLockSchema,
    answers: { 200: lockGrantSchema },
    codes: ['FORBIDDEN', 'NOT_FOUND', ...claimEnded],
  },
  'locks.release': {
    body: releaseLockSchema,
    answers: { 200: lockReleaseResultSchema },
    codes: ['FORBIDDEN', 'NOT_FOUND'],
  },
  'locks.get': { answers: { 200: lockViewSchema }, codes: ['FORBIDDEN'] },
  'locks.list': { query: listLocksQuerySchema, answers: { 200: lockPageSchema }, codes: ['FORBIDDEN', 'CURSOR_GONE'] },

  'events.stream': { query: eventsQuerySchema, answers: { 200: eventStream }, codes: ['FORBIDDEN', 'NOT_FOUND'] },
  'events.socket': { answers: { 101: nothing }, codes: ['FORBIDDEN'] },

  'health.live': { answers: { 200: liveSchema }, codes: [] },
  'health.ready': { answers: { 200: readySchema }, codes: [] },
} as const satisfies Record<RouteName, Operation>;

/** What a client may send as the body of a route. */
export type BodyOf<Name extends RouteName> = (typeof operations)[Name] extends { body: infer Body extends z.ZodType }
  ? z.input<Body>
  : undefined;

/** What a client may read from a good answer of a route. */
export type AnswerOf<Name extends RouteName> = {
  [Status in keyof (typeof operations)[Name]['answers']]: (typeof operations)[Name]['answers'][Status] extends infer Answer
    ? Answer extends z.ZodType
      ? z.output<Answer>
      : undefined
    : never;
}[keyof (typeof operations)[Name]['answers']];
