/**
 * The bounds of the wire, in one place. Sizes are in bytes of UTF-8, lengths in characters,
 * counts bare, durations in milliseconds. A server may be configured tighter, never looser.
 */
export const limits = {
  bodyBytes: 1_048_576,
  /** Analyses and blackboards carry source files. */
  largeBodyBytes: 16_777_216,
  frameBytes: 262_144,

  idLength: 128,
  resourceBytes: 512,
  cursorLength: 512,
  /** A cursor of many topics. */
  streamCursorLength: 4_096,
  tokenLength: 4_096,
  idempotencyKeyLength: 255,
  jsonDepth: 64,
  metaBytes: 4_096,

  page: { min: 1, max: 100, default: 20 },

  username: { min: 1, max: 128 },
  password: { min: 8, max: 256 },
  displayNameLength: 100,
  projectNameLength: 200,
  descriptionLength: 10_000,
  reasonLength: 500,
  purposeLength: 200,

  claimTtlMs: { min: 1_000, max: 3_600_000, default: 30_000 },
  claimWaitMs: { min: 0, max: 30_000, default: 0 },
  /** How long a claim outlives its connection. */
  claimGraceMs: 10_000,

  topicsPerFrame: 200,
  presenceBytes: 4_096,

  filesPerInput: 1_000,
  pathLength: 1_024,
  goalLength: 2_000,
  titleLength: 500,
  knowledgeBytes: 262_144,
  linksPerKnowledge: 64,
  messageLength: 100_000,

  questionsPerQuiz: 200,
  optionsPerQuestion: 50,

  memoryKeyBytes: 512,
  memoryValueBytes: 262_144,
  /** A year; an entry without a ttl stays. */
  memoryTtlMs: { min: 1, max: 31_536_000_000 },
  vectorDimensions: 4_096,
  similar: { min: 1, max: 100, default: 10 },

  /** A problem document names at most this many offending places. */
  problemErrors: 20,
} as const;
