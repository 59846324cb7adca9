// Primitives
//
// The grains every body is made of. What a client sends is a `strictObject` (an unknown
// key is refused by name, so a typing error never passes for a default); what it reads is
// an `object`, so that a newer server may say more.
import { z } from 'zod';
import { idPattern, isMemoryKey, isPrintable, isResource } from './ids.ts';
import { limits } from './limits.ts';

export const idSchema = z.string().regex(idPattern, {
  error: `must be 1 to ${limits.idLength} characters of [A-Za-z0-9._~-], and not . or ..`,
});

export const resourceSchema = z.string().refine(isResource, {
  error: `must be 1 to ${limits.resourceBytes} bytes of UTF-8 without control characters, and not . or ..`,
});

export const memoryKeySchema = z.string().refine(isMemoryKey, {
  error: `must be 1 to ${limits.memoryKeyBytes} bytes of UTF-8 without control characters, and not . or ..`,
});

/** RFC 3339, UTC, with milliseconds: `2026-01-31T09:30:00.000Z`. */
export const timeSchema = z.iso.datetime({ precision: 3 });

/** A duration in whole milliseconds. */
export const durationMsSchema = z.int().min(0);

/** Sixteen decimal digits; greater text is the younger grant. */
export const fencingTokenSchema = z.string().regex(/^[0-9]{16}$/, { error: 'must be 16 decimal digits' });

/** Opaque. Compare for equality only. */
export const cursorSchema = z.string().min(1).max(limits.cursorLength);

/** A secret that is its own proof: access, refresh and claim tokens, tickets. */
export const tokenSchema = z.string().min(1).max(limits.tokenLength);

export const versionSchema = z.int().min(0);

/** A count of things. */
export const countSchema = z.int().min(0);

/** From 0 to 1. */
export const shareSchema = z.number().min(0).max(1);

export const ttlMsSchema = z.int().min(limits.claimTtlMs.min).max(limits.claimTtlMs.max);
export const waitMsSchema = z.int().min(limits.claimWaitMs.min).max(limits.claimWaitMs.max);

/** What `Idempotency-Key` may say. */
export const idempotencyKeySchema = z
  .string()
  .max(limits.idempotencyKeyLength)
  .regex(/^[\x21-\x7e]+$/, { error: 'must be printable ASCII without spaces' });

/** A line for people: no control characters, not only blanks. */
export function lineSchema(maxLength: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .refine((text) => isPrintable(text) && text.trim() !== '', {
      error: 'must be a line of text without control characters',
    });
}

/** A whole number as a query writes it: decimal digits only. */
export function queryNumberSchema(min: number, max: number) {
  return z
    .string()
    .regex(/^[0-9]{1,15}$/, { error: 'must be a whole number' })
    .transform(Number)
    .pipe(z.int().min(min).max(max));
}

/** How many items a page may have, from a query. */
export const pageLimitSchema = queryNumberSchema(limits.page.min, limits.page.max).default(limits.page.default);

/** A page of a list, from a query. */
export const pageQuerySchema = z.strictObject({ cursor: cursorSchema.optional(), limit: pageLimitSchema });

/** A page as it is answered; without `nextCursor` it was the last. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: cursorSchema.optional() });
}

/** All there is, in one answer. */
export function itemsOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item) });
}

/** Which page of a list a client wants. */
export interface PageQuery {
  cursor?: string | undefined;
  limit?: number | undefined;
}

/** A page of a list. */
export interface Page<Item> {
  items: Item[];
  nextCursor?: string | undefined;
}
