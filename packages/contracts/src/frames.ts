// Frames
//
// What travels over the WebSocket: JSON texts told apart by `t`. A client frame that has an
// `id` is answered by `ok` or `error` with the same `id`, in any order; `result` is the body
// of the REST answer that does the same.
import { z } from 'zod';
import { asTuple, eventSchemas, type WireEvent } from './events.ts';
import { boundedJson, jsonObjectSchema } from './json.ts';
import { limits } from './limits.ts';
import { countSchema, cursorSchema, durationMsSchema, idSchema, timeSchema, tokenSchema } from './primitives.ts';
import { problemSchema } from './problem.ts';
import { type ClaimToken, claimSchema, detachSchema, type ReleaseResult, releaseSchema } from './projects.ts';
import { topicSchema } from './topic-schema.ts';

/** Chosen by the client, echoed as it came. */
export const frameIdSchema = z.union([z.string().min(1).max(64), z.int()]);

const id = frameIdSchema.optional();
const topics = z.array(topicSchema).min(1).max(limits.topicsPerFrame);

const claimFields = claimSchema.unwrap().shape;

/** The first frame of a socket opened without a bearer; later, a fresh token for it. */
export const authFrameSchema = z.strictObject({ t: z.literal('auth'), id, token: tokenSchema });

export const subscribeFrameSchema = z.strictObject({
  t: z.literal('subscribe'),
  id,
  topics,
  /** The last cursor seen, by topic. Without one the topic begins now. */
  cursors: z.record(topicSchema, cursorSchema).optional(),
});

export const unsubscribeFrameSchema = z.strictObject({ t: z.literal('unsubscribe'), id, topics });

/** Binds a claim to this connection: it lives as long, and is then away for the grace. */
export const attachFrameSchema = z.strictObject({
  t: z.literal('attach'),
  id,
  claimToken: tokenSchema,
  instanceId: idSchema,
});

export const detachFrameSchema = z.strictObject({ t: z.literal('detach'), id, ...detachSchema.shape });

/** Claims and attaches in one step; `requestId` makes a repetition the same claim. */
export const claimFrameSchema = z.strictObject({
  t: z.literal('claim'),
  id,
  projectId: idSchema,
  requestId: idSchema.optional(),
  ...claimFields,
});

export const releaseFrameSchema = z.strictObject({ t: z.literal('release'), id, ...releaseSchema.shape });

/** What this connection shows to the others on a presence topic. */
export const presenceFrameSchema = z.strictObject({
  t: z.literal('presence'),
  id,
  topic: topicSchema,
  state: boundedJson(jsonObjectSchema, limits.presenceBytes),
});

export const pingFrameSchema = z.strictObject({ t: z.literal('ping'), id });

export const clientFrameSchema = z.discriminatedUnion('t', [
  authFrameSchema,
  subscribeFrameSchema,
  unsubscribeFrameSchema,
  attachFrameSchema,
  detachFrameSchema,
  claimFrameSchema,
  releaseFrameSchema,
  presenceFrameSchema,
  pingFrameSchema,
]);

const welcomeFrameSchema = z.object({
  t: z.literal('welcome'),
  connectionId: idSchema,
  heartbeatMs: durationMsSchema,
  limits: z.object({
    frameBytes: countSchema,
    topicsPerFrame: countSchema,
    /** Topics of one connection. */
    subscriptions: countSchema,
    framesPerSecond: countSchema,
  }),
  serverTime: timeSchema,
});

const okFrameSchema = z.object({ t: z.literal('ok'), id: frameIdSchema, result: z.unknown().optional() });
const errorFrameSchema = z.object({ t: z.literal('error'), id, problem: problemSchema });

const subscribedFrameSchema = z.object({
  t: z.literal('subscribed'),
  topic: topicSchema,
  /** Where the topic stands; `null` before its first event. */
  cursor: cursorSchema.nullable(),
  /** Nothing missed; missed events follow; or too old: fetch the thing anew. */
  outcome: z.enum(['current', 'replay', 'resync']),
});

/** The server ended a subscription by itself. */
const unsubscribedFrameSchema = z.object({
  t: z.literal('unsubscribed'),
  topic: topicSchema,
  reason: z.enum(['forbidden', 'deleted']),
});

const authExpiringFrameSchema = z.object({ t: z.literal('auth.expiring'), inMs: durationMsSchema });
const goingAwayFrameSchema = z.object({ t: z.literal('going-away'), reconnectAfterMs: durationMsSchema });
const pongFrameSchema = z.object({ t: z.literal('pong'), id, serverTime: timeSchema });

/** An event with `t`: the envelope itself is the frame. */
export type EventFrame = { t: 'event' } & WireEvent;

const eventFrameSchemas = eventSchemas.map((schema) => schema.extend({ t: z.literal('event') }));

const ownFrameSchemas = [
  welcomeFrameSchema,
  okFrameSchema,
  errorFrameSchema,
  subscribedFrameSchema,
  unsubscribedFrameSchema,
  authExpiringFrameSchema,
  goingAwayFrameSchema,
  pongFrameSchema,
] as const;

export const serverFrameSchema = z.discriminatedUnion('t', [
  ...ownFrameSchemas,
  z.discriminatedUnion('type', asTuple(eventFrameSchemas)),
]) as z.ZodType<ServerFrame>;

export type ClientFrame = z.output<typeof clientFrameSchema>;
/** A client frame as a client writes it: what has a default may be left out. */
export type ClientFrameInput = z.input<typeof clientFrameSchema>;
export type ServerFrame = z.infer<(typeof ownFrameSchemas)[number]> | EventFrame;

/** A frame of one kind: `FrameOf<ServerFrame, 'welcome'>`. */
export type FrameOf<Frame extends { t: string }, T extends Frame['t']> = Extract<Frame, { t: T }>;

/** What `ok.result` holds, by the frame it answers; the others answer without one. */
export interface FrameResults {
  attach: ClaimToken;
  claim: ClaimToken;
  release: ReleaseResult;
}
