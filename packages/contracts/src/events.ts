// Events
//
// What a topic tells its subscribers. `seq` is the event's cursor in the topic's durable
// log, `prev` the cursor before it; a `prev` other than the last one seen means that an
// event was missed and the log must be read.
import { z } from 'zod';
import { blackboardCountsSchema, blackboardStatusSchema, contributionSchema } from './ai.ts';
import { jsonObjectSchema } from './json.ts';
import {
  countSchema,
  cursorSchema,
  durationMsSchema,
  fencingTokenSchema,
  idSchema,
  resourceSchema,
  timeSchema,
  versionSchema,
} from './primitives.ts';
import { holderSchema, projectSchema } from './projects.ts';
import { topicSchema } from './topic-schema.ts';

const projectFacts = {
  projectId: idSchema,
  /** Who did it. */
  userId: idSchema,
  /** Milliseconds since 1970, as the domain events of the epic have it. */
  timestamp: z.int().min(0),
  version: versionSchema,
};

const projectEventSchema = z.object(projectFacts);

/** The project as it now is travels along, so that a reader need not fetch it. */
const projectChangeSchema = z.object({
  ...projectFacts,
  project: projectSchema.optional(),
  /** Which members changed. */
  changed: z.array(z.string()).optional(),
});

const leaseFacts = {
  resource: resourceSchema,
  holder: holderSchema,
  fencingToken: fencingTokenSchema,
  /** Rises when the claim changes connection; an event with a lower one is overtaken. */
  gen: countSchema,
};

const projectClaimedSchema = z.object({
  ...projectFacts,
  holder: holderSchema,
  fencingToken: fencingTokenSchema,
  expiresAt: timeSchema,
  ttlMs: durationMsSchema,
});

const projectReleasedSchema = z.object({ ...projectFacts, fencingToken: fencingTokenSchema });

const leaseEventSchema = z.object(leaseFacts);

const leaseTermSchema = z.object({ ...leaseFacts, expiresAt: timeSchema, ttlMs: durationMsSchema });

const personSchema = z.object({ userId: idSchema, displayName: z.string() });

const takeoverEventSchema = z.object({
  ...leaseFacts,
  requestId: idSchema,
  by: personSchema,
  reason: z.string().optional(),
});

const takenOverSchema = z.object({
  ...leaseFacts,
  previous: personSchema,
  forced: z.boolean(),
  reason: z.string().optional(),
});

const queueSchema = z.object({ resource: resourceSchema, queue: countSchema });

const scheduledSchema = z.object({
  blackboardId: idSchema,
  source: z.string(),
  /** The revision that woke the source. */
  triggeredBy: countSchema,
  rating: z.number(),
});

const progressSchema = z.object({
  blackboardId: idSchema,
  status: blackboardStatusSchema,
  counts: blackboardCountsSchema,
});

const solvedSchema = z.object({ blackboardId: idSchema, solutionId: idSchema });
const failedSchema = z.object({ blackboardId: idSchema, reason: z.string() });

const conversationTokenSchema = z.object({
  conversationId: idSchema,
  streamId: idSchema,
  seq: countSchema,
  text: z.string(),
});

const conversationDoneSchema = z.object({
  conversationId: idSchema,
  streamId: idSchema,
  messageId: idSchema,
  status: z.enum(['done', 'stopped', 'failed']),
});

/** Everyone present, not a difference: the latest event alone is the truth. */
export const presenceSchema = z.object({
  users: z.array(
    z.object({
      userId: idSchema,
      displayName: z.string(),
      connections: z.array(
        z.object({ connectionId: idSchema, instanceId: idSchema.optional(), state: jsonObjectSchema }),
      ),
    }),
  ),
});

/** What each type of event carries. */
export const eventData = {
  'project.created': projectChangeSchema,
  'project.updated': projectChangeSchema,
  'project.claimed': projectClaimedSchema,
  'project.released': projectReleasedSchema,
  'project.deleted': projectEventSchema,

  'lease.claimed': leaseTermSchema,
  'lease.away': leaseTermSchema,
  'lease.back': leaseTermSchema,
  'lease.released': leaseEventSchema,
  'lease.expired': leaseEventSchema,
  'lease.taken-over': takenOverSchema,
  'lease.takeover-requested': takeoverEventSchema,
  'lease.takeover-denied': takeoverEventSchema,

  'queue.changed': queueSchema,

  'blackboard.contribution': z.object({ blackboardId: idSchema, contribution: contributionSchema }),
  'blackboard.scheduled': scheduledSchema,
  'blackboard.progress': progressSchema,
  'blackboard.solved': solvedSchema,
  'blackboard.failed': failedSchema,

  'conversation.token': conversationTokenSchema,
  'conversation.done': conversationDoneSchema,

  'presence.changed': presenceSchema,
} as const;

export type EventType = keyof typeof eventData;

/** What an event of one type carries. */
export type EventData<Type extends EventType = EventType> = z.infer<(typeof eventData)[Type]>;

/** An event of one type; without one, the union of all, told apart by `type`. */
export type WireEvent<Type extends EventType = EventType> = {
  [T in Type]: {
    topic: string;
    seq: string;
    /** `null` before the first event of a topic. */
    prev: string | null;
    type: T;
    at: string;
    data: EventData<T>;
  };
}[Type];

function eventSchemaOf<Type extends EventType>(type: Type) {
  return z.object({
    topic: topicSchema,
    seq: cursorSchema,
    prev: cursorSchema.nullable(),
    type: z.literal(type),
    at: timeSchema,
    data: eventData[type],
  });
}

const types = Object.keys(eventData) as EventType[];

/** One schema for each type of event. */
export const eventSchemas = types.map(eventSchemaOf);

// The list forgets which type has which data; `WireEvent` says the same in types.
export const eventSchema = z.discriminatedUnion('type', asTuple(eventSchemas)) as z.ZodType<WireEvent>;

/** A list that is known to hold something, as unions want it. */
export function asTuple<Item>(items: readonly Item[]): [Item, ...Item[]] {
  const [first, ...others] = items;
  if (first === undefined) throw new RangeError('A union has at least one member');
  return [first, ...others];
}
