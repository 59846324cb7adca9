import { z } from 'zod';
import { boundedJson, jsonObjectSchema, jsonSchema } from './json.ts';
import { limits } from './limits.ts';
import { countSchema, durationMsSchema, idSchema, itemsOf, lineSchema, timeSchema } from './primitives.ts';

export const storeEntrySchema = z.strictObject({
  value: boundedJson(jsonSchema, limits.memoryValueBytes),
  ttlMs: z.int().min(limits.memoryTtlMs.min).max(limits.memoryTtlMs.max).optional(),
});

export const entrySchema = z.object({
  key: z.string(),
  value: jsonSchema,
  /** Absent when the entry stays. */
  expiresAt: timeSchema.optional(),
  remainingMs: durationMsSchema.optional(),
});

const vectorSchema = z.array(z.number()).min(1).max(limits.vectorDimensions);

export const storeEmbeddingSchema = z.strictObject({
  vector: vectorSchema,
  metadata: boundedJson(jsonObjectSchema, limits.metaBytes).optional(),
});

export const similarSchema = z.strictObject({
  vector: vectorSchema,
  limit: z.int().min(limits.similar.min).max(limits.similar.max).default(limits.similar.default),
});

export const similarItemSchema = z.object({
  id: idSchema,
  /** Cosine similarity, from -1 to 1; equal scores are ordered by id. */
  score: z.number(),
  metadata: jsonObjectSchema,
});

export const similarItemsSchema = itemsOf(similarItemSchema);

/** A glob over keys: `*` is any run of characters, `?` any one. */
export const invalidateSchema = z.strictObject({ pattern: lineSchema(limits.memoryKeyBytes) });

/** How many entries went. */
export const removedSchema = z.object({ removed: countSchema });

export type StoreEntryRequest = z.output<typeof storeEntrySchema>;
export type MemoryEntry = z.infer<typeof entrySchema>;
export type StoreEmbeddingRequest = z.output<typeof storeEmbeddingSchema>;
export type SimilarRequest = z.output<typeof similarSchema>;
export type SimilarItem = z.infer<typeof similarItemSchema>;
export type InvalidateRequest = z.output<typeof invalidateSchema>;
export type Removed = z.infer<typeof removedSchema>;
