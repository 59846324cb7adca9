import { z } from 'zod';
import { jsonObjectSchema } from './json.ts';
import { limits } from './limits.ts';
import {
  countSchema,
  durationMsSchema,
  fencingTokenSchema,
  idSchema,
  lineSchema,
  pageOf,
  timeSchema,
  tokenSchema,
  ttlMsSchema,
  versionSchema,
  waitMsSchema,
} from './primitives.ts';

export const projectStatuses = ['active', 'completed', 'archived'] as const;
export const projectStatusSchema = z.enum(projectStatuses);

export const projectSchema = z.object({
  id: idSchema,
  name: z.string(),
  description: z.string(),
  status: projectStatusSchema,
  ownerId: idSchema,
  collaborators: z.array(idSchema),
  data: jsonObjectSchema,
  /** Rises with every write; the ETag is this number. */
  version: versionSchema,
  createdAt: timeSchema,
  updatedAt: timeSchema,
});

export const projectPageSchema = pageOf(projectSchema);

const nameSchema = lineSchema(limits.projectNameLength);
const descriptionSchema = z.string().max(limits.descriptionLength);

export const createProjectSchema = z.strictObject({
  name: nameSchema,
  description: descriptionSchema.optional(),
  data: jsonObjectSchema.optional(),
});

/**
 * A JSON merge patch (RFC 7396): an absent member stays, `null` empties it, and inside
 * `data` the same holds for every level.
 */
export const updateProjectSchema = z.strictObject({
  name: nameSchema.optional(),
  description: descriptionSchema.nullable().optional(),
  status: projectStatusSchema.optional(),
  data: jsonObjectSchema.nullable().optional(),
});

/** Who holds a claim. One person in two tabs is one user and two instances. */
export const holderSchema = z.object({
  userId: idSchema,
  displayName: z.string(),
  instanceId: idSchema,
});

/** The holder as one caller sees him. */
export const seenHolderSchema = z.object({
  userId: idSchema,
  displayName: z.string(),
  sameUser: z.boolean(),
  /** The same user under another instance. */
  otherTab: z.boolean(),
  since: timeSchema,
});

/** What the program that claims calls itself when it has no name. */
export const defaultInstanceId = 'default';

export const claimSchema = z
  .strictObject({
    /** Only ever the caller; another's is refused with USER_MISMATCH. */
    userId: idSchema.optional(),
    ttlMs: ttlMsSchema.default(limits.claimTtlMs.default),
    waitMs: waitMsSchema.default(limits.claimWaitMs.default),
    purpose: lineSchema(limits.purposeLength).optional(),
    instanceId: idSchema.default(defaultInstanceId),
  })
  .prefault({});

/** A grant. Whoever has the `claimToken` can release it, so it is kept like a password. */
export const claimTokenSchema = z.object({
  claimToken: tokenSchema,
  fencingToken: fencingTokenSchema,
  holder: holderSchema,
  projectId: idSchema,
  grantedAt: timeSchema,
  expiresAt: timeSchema,
  ttlMs: durationMsSchema,
  /** Count from here, not from `expiresAt`: two clocks never agree. */
  remainingMs: durationMsSchema,
  serverTime: timeSchema,
});

export const releaseSchema = z.strictObject({ claimToken: tokenSchema });
export const releaseResultSchema = z.object({
  outcome: z.enum(['released', 'already', 'expired', 'superseded']),
});

export const renewSchema = z.strictObject({ claimToken: tokenSchema, ttlMs: ttlMsSchema.optional() });

/** Also accepted as `text/plain`, which is what a beacon can send without a preflight. */
export const detachSchema = z.strictObject({ claimToken: tokenSchema });

/** `otherTab` can be told only to a caller that names its instance. */
export const leaseQuerySchema = z.strictObject({ instanceId: idSchema.optional() });

export const leaseSchema = z.object({
  isLocked: z.boolean(),
  lockedByMe: z.boolean(),
  state: z.enum(['free', 'held', 'away', 'breaking']),
  holder: seenHolderSchema.optional(),
  expiresAt: timeSchema.optional(),
  remainingMs: durationMsSchema.optional(),
  serverTime: timeSchema,
  /** How many wait. */
  queue: countSchema,
  /** How long one who came now might wait, as claims of late were held; a guess, left out while none is known. */
  expectedWaitMs: durationMsSchema.optional(),
});

export const takeoverSchema = z
  .strictObject({
    reason: lineSchema(limits.reasonLength).optional(),
    force: z.boolean().default(false),
    ttlMs: ttlMsSchema.default(limits.claimTtlMs.default),
    instanceId: idSchema.default(defaultInstanceId),
  })
  .prefault({});

export const takeoverRequestSchema = z.object({
  requestId: idSchema,
  projectId: idSchema,
  requestedBy: z.object({ userId: idSchema, displayName: z.string() }),
  reason: z.string().optional(),
  state: z.enum(['pending', 'granted', 'denied', 'withdrawn', 'lapsed']),
  expiresAt: timeSchema,
  remainingMs: durationMsSchema,
});

export const takeoverAnswerSchema = z.strictObject({
  answer: z.enum(['grant', 'deny']),
  reason: lineSchema(limits.reasonLength).optional(),
});

export type ProjectStatus = z.infer<typeof projectStatusSchema>;
export type Project = z.infer<typeof projectSchema>;
export type ProjectPage = z.infer<typeof projectPageSchema>;
export type CreateProjectDTO = z.input<typeof createProjectSchema>;
export type UpdateProjectDTO = z.input<typeof updateProjectSchema>;
export type Holder = z.infer<typeof holderSchema>;
export type SeenHolder = z.infer<typeof seenHolderSchema>;
/** A claim as a client writes it; every part has a default. */
export type ClaimInput = NonNullable<z.input<typeof claimSchema>>;
/** A claim as the server reads it, defaults filled in. */
export type ClaimRequest = z.output<typeof claimSchema>;
export type ClaimToken = z.infer<typeof claimTokenSchema>;
export type ReleaseRequest = z.output<typeof releaseSchema>;
export type ReleaseResult = z.infer<typeof releaseResultSchema>;
export type RenewRequest = z.output<typeof renewSchema>;
export type DetachRequest = z.output<typeof detachSchema>;
export type ProjectLease = z.infer<typeof leaseSchema>;
export type TakeoverInput = NonNullable<z.input<typeof takeoverSchema>>;
export type TakeoverRequest = z.infer<typeof takeoverRequestSchema>;
export type TakeoverAnswer = z.output<typeof takeoverAnswerSchema>;
