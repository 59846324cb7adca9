import { z } from 'zod';
import { jsonSchema } from './json.ts';
import { limits } from './limits.ts';
import { idSchema, itemsOf, lineSchema, shareSchema } from './primitives.ts';

/** Whose; the caller's by default, another's only with the role for it. */
export const learnerQuerySchema = z.strictObject({ userId: idSchema.optional() });

export const learningPathSchema = z.object({
  units: z.array(
    z.object({
      id: idSchema,
      title: z.string(),
      prerequisites: z.array(idSchema),
      mastery: shareSchema,
      state: z.enum(['locked', 'available', 'in-progress', 'mastered']),
    }),
  ),
});

export const progressSchema = z.strictObject({
  unitId: idSchema,
  kind: z.enum(['started', 'practiced', 'completed']),
  score: shareSchema.optional(),
});

export const updateProgressSchema = progressSchema.extend({ userId: idSchema.optional() });

const questionKindSchema = z.enum(['choice', 'choices', 'text', 'number']);

const optionFields = { id: idSchema, text: z.string().min(1).max(limits.goalLength) };

const questionFields = {
  id: idSchema,
  kind: questionKindSchema,
  prompt: z.string().min(1).max(limits.descriptionLength),
};

/** A quiz as learners see it: the answers are never sent. */
export const quizSchema = z.object({
  id: idSchema,
  title: z.string(),
  unitId: idSchema.optional(),
  questions: z.array(z.object({ ...questionFields, options: z.array(z.object(optionFields)).optional() })),
});

/** A quiz as its author writes it. */
export const putQuizSchema = z.strictObject({
  title: lineSchema(limits.titleLength),
  unitId: idSchema.optional(),
  questions: z
    .array(
      z.strictObject({
        ...questionFields,
        options: z.array(z.strictObject(optionFields)).max(limits.optionsPerQuestion).optional(),
        /** An option's id, several of them, a text or a number, as `kind` says. */
        answer: z.union([z.string(), z.number(), z.array(idSchema)]),
        feedback: z.string().max(limits.goalLength).optional(),
        points: z.int().min(1).max(1_000).default(1),
      }),
    )
    .min(1)
    .max(limits.questionsPerQuiz),
});

export const answerSchema = z.strictObject({
  questionId: idSchema,
  value: jsonSchema,
  attemptId: idSchema.optional(),
});

export const quizResultSchema = z.object({
  attemptId: idSchema,
  correct: z.boolean(),
  score: z.number().min(0),
  maxScore: z.number().min(0),
  feedback: z.string().optional(),
  /** Whether every question of the attempt has been answered. */
  finished: z.boolean(),
});

export const recommendationSchema = z.object({ unitId: idSchema, reason: z.string(), score: shareSchema });
export const recommendationsSchema = itemsOf(recommendationSchema);

export type LearningPath = z.infer<typeof learningPathSchema>;
export type Progress = z.infer<typeof progressSchema>;
export type Quiz = z.infer<typeof quizSchema>;
export type PutQuizRequest = z.output<typeof putQuizSchema>;
export type Answer = z.infer<typeof answerSchema>;
export type QuizResult = z.infer<typeof quizResultSchema>;
export type Recommendation = z.infer<typeof recommendationSchema>;
