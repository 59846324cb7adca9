// Boards

// Specialists
export { ArchitectureAgent, type ArchitectureOptions, type CycleScope } from './architecture-agent.ts';
export { BlackboardSystem, type BlackboardSystemOptions, type OpenBoard, type Page } from './blackboard-system.ts';
export { type ActivationState, Board, type Counts, fold, type Spent, type Standing } from './board.ts';
export type { BoardStatus, Steering } from './board-status.ts';
export { MemoryBoardStore } from './board-store.memory.ts';
// Stores
export type {
  BoardHead,
  BoardPage,
  BoardStore,
  CommitOutcome,
  Contributed,
  ControlEntry,
  FileTexts,
  NewBoard,
  Run,
  StartOutcome,
  StoredProblem,
  Written,
} from './board-store.ts';
export { boardTopics } from './board-topics.ts';
export type { AgendaItem, BoardView, PlacedContribution } from './board-view.ts';
export { BlackboardController } from './controller.ts';
export {
  type Activation,
  type Contribution,
  type Entry,
  type EntryBody,
  type FailureClass,
  LEVELS,
  type Subject,
  type Usage,
  type VersionRef,
} from './entry.ts';
// Errors
export { BOARD_CODES, type BoardCode, BoardError } from './errors.ts';
export type { Evidence, Span } from './evidence.ts';
export type { ContributionDraft, Knowledge } from './knowledge.ts';
// Knowledge sources
export {
  defineKnowledgeSource,
  type IKnowledgeSource,
  type Limits,
  PermanentFailure,
  type RunContext,
  type Specialist,
  type Trigger,
} from './knowledge-source.ts';
// Problems, contributions, solutions
export type { BoardSettings, Budget, Problem, SourceFile } from './problem.ts';
export { defaultBudget } from './problem.ts';
export { SharedKnowledgeBase } from './shared-knowledge-base.ts';
export type { Reason, Solution, Statement } from './solution.ts';
