import { z } from 'zod';
import { limits } from './limits.ts';
import { tokenSchema } from './primitives.ts';
import { topicSchema } from './topic-schema.ts';

/**
 * `?topics=a,b`. A comma or percent sign inside one topic is percent-encoded within the
 * list, for a resource may hold both.
 */
export const topicListSchema = z
  .string()
  .transform((text, context) => {
    try {
      return text.split(',').map(decodeURIComponent);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be topics, separated by commas and percent-encoded' });
      return z.NEVER;
    }
  })
  .pipe(z.array(topicSchema).min(1).max(limits.topicsPerFrame));

/** The `id:` of an event stream: a cursor that places every topic of it. Opaque. */
export const streamCursorSchema = z.string().min(1).max(limits.streamCursorLength);

/** What `GET /api/events` may be asked; without topics, the caller's own and his projects'. */
export const eventsQuerySchema = z.strictObject({
  topics: topicListSchema.optional(),
  cursor: streamCursorSchema.optional(),
  ticket: tokenSchema.optional(),
});

export type EventsQuery = z.output<typeof eventsQuerySchema>;
