import { z } from 'zod';

export const liveSchema = z.object({ status: z.literal('live') });

/** Each service and each backend by name; one that is down makes the whole unready (503). */
export const readySchema = z.object({
  status: z.enum(['ready', 'starting', 'draining', 'unavailable']),
  services: z.record(z.string(), z.enum(['up', 'down'])),
  backends: z.record(z.string(), z.enum(['up', 'down'])),
});

export type Live = z.infer<typeof liveSchema>;
export type Ready = z.infer<typeof readySchema>;
