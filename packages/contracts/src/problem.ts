import { z } from 'zod';
import { type Code, codes } from './codes.ts';
import { countSchema, durationMsSchema, timeSchema } from './primitives.ts';
import { projectSchema, seenHolderSchema } from './projects.ts';

/** One offending place: an RFC 6901 pointer into what was sent, and what is wrong there. */
export const fieldErrorSchema = z.object({ pointer: z.string(), message: z.string() });

export const codeSchema = z.enum(Object.keys(codes) as [Code, ...Code[]]);

/** Every error answer, as `application/problem+json` (RFC 9457). */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int().min(400).max(599),
  code: codeSchema,
  /** What happened this time, for people. */
  detail: z.string(),
  /** The request's id, as in `X-Request-Id`. */
  instance: z.string(),
  /** With VALIDATION_FAILED. */
  errors: z.array(fieldErrorSchema).optional(),

  /** When another try may help: with RESOURCE_LOCKED and wherever there is a `Retry-After`. */
  retryAfterMs: durationMsSchema.optional(),

  /** These four with RESOURCE_LOCKED; the holder only to callers that may read the resource. */
  holder: seenHolderSchema.optional(),
  expiresAt: timeSchema.optional(),
  queuePosition: countSchema.optional(),
  canTakeOver: z.boolean().optional(),

  /** With VERSION_MISMATCH: the project as it is now. */
  current: projectSchema.optional(),
});

export type FieldError = z.infer<typeof fieldErrorSchema>;
export type ProblemDetails = z.infer<typeof problemSchema>;

/** What one occurrence adds to what its code already says. */
export type ProblemFacts = Omit<ProblemDetails, 'type' | 'title' | 'status' | 'code'>;

/** The media type of every error answer. */
export const problemMediaType = 'application/problem+json';

/** The problem document of a code: type, title and status come from the table. */
export function problemOf(code: Code, facts: ProblemFacts): ProblemDetails {
  const { status, title } = codes[code];
  return { type: problemType(code), title, status, code, ...facts };
}

/** Where a code is explained, relative to the server that answered. */
export function problemType(code: Code): string {
  return `/docs/problems#${code}`;
}
