import { z } from 'zod';
import { boundedJson, jsonObjectSchema, jsonSchema } from './json.ts';
import { limits } from './limits.ts';
import {
  countSchema,
  cursorSchema,
  durationMsSchema,
  idSchema,
  lineSchema,
  pageLimitSchema,
  pageOf,
  queryNumberSchema,
  shareSchema,
  timeSchema,
} from './primitives.ts';

const pathSchema = lineSchema(limits.pathLength);
const languageSchema = lineSchema(50);

/** A specialist's name, such as `code-analysis`. */
const sourceSchema = lineSchema(limits.idLength);

export const sourceFileSchema = z.strictObject({ path: pathSchema, content: z.string() });

/** What the author knows about the code and a reader cannot see. */
export const analysisContextSchema = z.strictObject({
  language: languageSchema.optional(),
  path: pathSchema.optional(),
  description: z.string().max(limits.descriptionLength).optional(),
  /** What to look at first. */
  focus: z.array(lineSchema(limits.titleLength)).max(20).optional(),
});

const files = z.array(sourceFileSchema).min(1).max(limits.filesPerInput);
const filesInput = z.strictObject({ files, context: analysisContextSchema.optional() });
const codeInput = z.strictObject({
  code: z.string().min(1),
  language: languageSchema.optional(),
  context: analysisContextSchema.optional(),
});

const goal = z.string().max(limits.goalLength).optional();

export const analysisInputSchema = z.union([codeInput, filesInput]);
export const suggestionInputSchema = z.union([codeInput.extend({ goal }), filesInput.extend({ goal })]);

export const severitySchema = z.enum(['info', 'low', 'medium', 'high', 'critical']);

/** Lines and columns count from 1; the end is inclusive. */
export const rangeSchema = z.object({
  startLine: z.int().min(1),
  startColumn: z.int().min(1).optional(),
  endLine: z.int().min(1),
  endColumn: z.int().min(1).optional(),
});

/** Where in the code something was seen. */
export const locationSchema = z.object({ path: z.string().optional(), range: rangeSchema.optional() });

export const findingSchema = z.object({
  id: idSchema,
  /** The specialist that found it. */
  source: z.string(),
  kind: z.string(),
  severity: severitySchema,
  message: z.string(),
  location: locationSchema.optional(),
  confidence: shareSchema,
});

export const codeAnalysisSchema = z.object({
  id: idSchema,
  summary: z.string(),
  files: z.array(
    z.object({
      path: z.string(),
      language: z.string().optional(),
      lines: countSchema,
      metrics: z.record(z.string(), z.number()),
    }),
  ),
  findings: z.array(findingSchema),
  metrics: z.record(z.string(), z.number()),
  analyzedAt: timeSchema,
});

export const suggestionSchema = z.object({
  id: idSchema,
  source: z.string(),
  kind: z.string(),
  title: z.string(),
  description: z.string(),
  severity: severitySchema,
  confidence: shareSchema,
  location: locationSchema.optional(),
  /** A unified diff that does it. */
  patch: z.string().optional(),
});

export const suggestionsSchema = z.object({ items: z.array(suggestionSchema) });

export const boardProblemSchema = z.strictObject({
  title: lineSchema(limits.titleLength),
  description: z.string().max(limits.descriptionLength),
  files: z.array(sourceFileSchema).max(limits.filesPerInput).optional(),
});

/** When a board gives up looking for more. */
export const budgetSchema = z.strictObject({
  contributions: z.int().min(1).max(100_000).optional(),
  activations: z.int().min(1).max(100_000).optional(),
  timeMs: z.int().min(1).max(86_400_000).optional(),
});

const boardOptions = {
  /** The specialists to ask; all of them by default. */
  sources: z.array(sourceSchema).min(1).max(64).optional(),
  budget: budgetSchema.optional(),
};

export const createBlackboardSchema = z.union([
  z.strictObject({ problem: boardProblemSchema, ...boardOptions }),
  /** Of a problem stored before; the same id opens the same board. */
  z.strictObject({ problemId: idSchema, ...boardOptions }),
]);

export const blackboardStatusSchema = z.enum([
  'initializing',
  'running',
  'paused',
  'quiescent',
  'solved',
  'failed',
  'cancelled',
]);

export const blackboardCountsSchema = z.object({
  contributions: countSchema,
  pending: countSchema,
  running: countSchema,
  done: countSchema,
  obviated: countSchema,
  failed: countSchema,
});

export const agendaItemSchema = z.object({
  id: idSchema,
  source: z.string(),
  triggeredBy: countSchema,
  rating: z.number(),
  state: z.enum(['pending', 'running']),
});

export const blackboardSchema = z.object({
  id: idSchema,
  problemId: idSchema.optional(),
  title: z.string(),
  description: z.string().optional(),
  /** What it was opened on; a file is named by the sha256 of its text. */
  files: z.array(z.object({ path: z.string(), sha256: z.string() })).optional(),
  status: blackboardStatusSchema,
  sources: z.array(z.string()),
  counts: blackboardCountsSchema,
  agenda: z.array(agendaItemSchema),
  budget: z.object(budgetSchema.shape),
  spent: z.object({ contributions: countSchema, activations: countSchema, timeMs: durationMsSchema }),
  /** Of its log; the topic `blackboard:<id>` goes on after the cursor. */
  revision: countSchema.optional(),
  cursor: cursorSchema.optional(),
  /** The solution it last came to. */
  solutionId: idSchema.optional(),
  createdAt: timeSchema,
  updatedAt: timeSchema,
});

export const blackboardPageSchema = pageOf(blackboardSchema);

/** What one source has to say: a value on one level, and which contributions it rests on. */
export const knowledgeSchema = z.strictObject({
  level: lineSchema(100),
  value: boundedJson(jsonSchema, limits.knowledgeBytes),
  confidence: shareSchema.optional(),
  /** Ids of the contributions it follows from. */
  links: z.array(idSchema).max(limits.linksPerKnowledge).optional(),
});

export const contributeSchema = z.strictObject({ source: sourceSchema.optional(), knowledge: knowledgeSchema });

/** A place in a file that a statement rests on. */
export const evidenceSchema = z.object({
  file: z.string(),
  sha256: z.string(),
  span: rangeSchema.optional(),
});

export const contributionSchema = z.object({
  id: idSchema,
  /** Rises when the same source changes what it says. */
  version: countSchema.optional(),
  kind: z.string().optional(),
  subject: z.record(z.string(), z.unknown()).optional(),
  evidence: z.array(evidenceSchema).optional(),
  /** Gapless, from 1. */
  revision: countSchema,
  cursor: cursorSchema,
  source: z.string(),
  knowledge: z.object(knowledgeSchema.shape),
  at: timeSchema,
});

export const contributionsQuerySchema = z.strictObject({
  after: cursorSchema.optional(),
  limit: pageLimitSchema,
});

export const contributionPageSchema = pageOf(contributionSchema);

export const solutionSchema = z.object({
  id: idSchema,
  blackboardId: idSchema,
  /** Why it was made: `solved`, `quiescent`, `budget`, `deadline`, `cancelled`, `failed`, `asked`. */
  reason: z.string().optional(),
  /** `partial`: work was left undone, which `unmet` names. */
  completeness: z.enum(['complete', 'partial']).optional(),
  unmet: z.array(z.string()).optional(),
  summary: z.string(),
  statements: z.array(
    z.object({
      text: z.string(),
      confidence: shareSchema,
      /** Ids of the contributions behind it; never empty. */
      contributions: z.array(idSchema).min(1),
      level: z.string().optional(),
      kind: z.string().optional(),
      /** `opinion`: nothing that can be looked up in a file stands behind it. */
      basis: z.enum(['evidence', 'opinion']).optional(),
      evidence: z.array(evidenceSchema).optional(),
    }),
  ),
  revision: countSchema,
  createdAt: timeSchema,
});

export const startConversationSchema = z
  .strictObject({ userId: idSchema.optional(), title: lineSchema(limits.titleLength).optional() })
  .prefault({});

export const conversationSchema = z.object({
  id: idSchema,
  userId: idSchema,
  title: z.string().optional(),
  createdAt: timeSchema,
});

export const messageSchema = z.strictObject({
  content: z.string().min(1).max(limits.messageLength),
  meta: boundedJson(jsonObjectSchema, limits.metaBytes).optional(),
});

export const responseSchema = z.object({
  messageId: idSchema,
  streamId: idSchema,
  status: z.enum(['running', 'done', 'stopped', 'failed']),
  /** Once it is done; ask with `Prefer: wait`. */
  text: z.string().optional(),
});

/** One piece of a streamed answer; `seq` counts from 1 and is what a reader resumes from. */
export const streamTokenSchema = z.object({ seq: countSchema, text: z.string() });

export const streamQuerySchema = z.strictObject({ after: queryNumberSchema(0, Number.MAX_SAFE_INTEGER).optional() });

export type SourceFile = z.infer<typeof sourceFileSchema>;
export type AnalysisContext = z.infer<typeof analysisContextSchema>;
export type AnalysisInput = z.infer<typeof analysisInputSchema>;
export type SuggestionInput = z.infer<typeof suggestionInputSchema>;
export type Finding = z.infer<typeof findingSchema>;
export type CodeAnalysis = z.infer<typeof codeAnalysisSchema>;
export type Suggestion = z.infer<typeof suggestionSchema>;
export type BoardProblem = z.infer<typeof boardProblemSchema>;
export type Budget = z.infer<typeof budgetSchema>;
export type CreateBlackboardRequest = z.infer<typeof createBlackboardSchema>;
export type BlackboardStatus = z.infer<typeof blackboardStatusSchema>;
export type Blackboard = z.infer<typeof blackboardSchema>;
export type Knowledge = z.infer<typeof knowledgeSchema>;
export type ContributeRequest = z.infer<typeof contributeSchema>;
export type Contribution = z.infer<typeof contributionSchema>;
export type Solution = z.infer<typeof solutionSchema>;
export type StartConversationRequest = z.output<typeof startConversationSchema>;
export type Conversation = z.infer<typeof conversationSchema>;
export type Message = z.infer<typeof messageSchema>;
export type Response = z.infer<typeof responseSchema>;
export type Token = z.infer<typeof streamTokenSchema>;
