import { z } from 'zod';
import { parseTopic } from './topics.ts';

export const topicSchema = z.string().refine((text) => parseTopic(text) !== undefined, {
  error: 'must be project:<id>, blackboard:<id>, lock:<resource>, presence:<id>, user:<id> or inspector',
});
