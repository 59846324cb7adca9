import { z } from 'zod';
import { boundedJson, jsonObjectSchema } from './json.ts';
import { limits } from './limits.ts';
import {
  countSchema,
  cursorSchema,
  durationMsSchema,
  fencingTokenSchema,
  idSchema,
  pageLimitSchema,
  pageOf,
  resourceSchema,
  timeSchema,
  ttlMsSchema,
  waitMsSchema,
} from './primitives.ts';
import { defaultInstanceId, releaseResultSchema, seenHolderSchema } from './projects.ts';

const metaSchema = boundedJson(jsonObjectSchema, limits.metaBytes);

export const acquireLockSchema = z
  .strictObject({
    ttlMs: ttlMsSchema.default(limits.claimTtlMs.default),
    waitMs: waitMsSchema.default(limits.claimWaitMs.default),
    instanceId: idSchema.default(defaultInstanceId),
    meta: metaSchema.optional(),
  })
  .prefault({});

/** A grant of the raw lease API; the `leaseId` is what renews and releases it. */
export const lockGrantSchema = z.object({
  resource: resourceSchema,
  leaseId: idSchema,
  fencingToken: fencingTokenSchema,
  grantedAt: timeSchema,
  expiresAt: timeSchema,
  ttlMs: durationMsSchema,
  remainingMs: durationMsSchema,
  serverTime: timeSchema,
});

export const renewLockSchema = z.strictObject({ leaseId: idSchema, ttlMs: ttlMsSchema.optional() });
export const releaseLockSchema = z.strictObject({ leaseId: idSchema });
export const lockReleaseResultSchema = releaseResultSchema;

/** A resource as anyone allowed to read it sees it: without the lease's id. */
export const lockViewSchema = z.object({
  resource: resourceSchema,
  isLocked: z.boolean(),
  lockedByMe: z.boolean(),
  holder: seenHolderSchema.optional(),
  fencingToken: fencingTokenSchema.optional(),
  expiresAt: timeSchema.optional(),
  remainingMs: durationMsSchema.optional(),
  serverTime: timeSchema,
  queue: countSchema,
  meta: jsonObjectSchema.optional(),
});

export const listLocksQuerySchema = z.strictObject({
  prefix: z.string().max(limits.resourceBytes).default(''),
  cursor: cursorSchema.optional(),
  limit: pageLimitSchema,
});

export const lockPageSchema = pageOf(lockViewSchema);

export type AcquireLockRequest = z.output<typeof acquireLockSchema>;
export type LockGrant = z.infer<typeof lockGrantSchema>;
export type RenewLockRequest = z.output<typeof renewLockSchema>;
export type ReleaseLockRequest = z.output<typeof releaseLockSchema>;
export type LockView = z.infer<typeof lockViewSchema>;
