// Playing: one scenario, an actor type, many seeds, every order

export { type ActorSimulationOptions, actorSimulation } from './actor-simulation.ts';
export { type Exhausted, type ExhaustOptions, exhaust } from './exhaust.ts';
export { type Exploration, type ExploreOptions, explore } from './explore.ts';
export {
  type Case,
  defineSimulation,
  type Found,
  type Report,
  replay,
  type SimulateOptions,
  type Simulation,
  type SimulationOptions,
  simulate,
} from './simulation.ts';
export { SimulationFailure } from './simulation-failure.ts';

// What clients do, and what may break

export { type CommandInput, type CommandOutput, type PlayOptions, playCommands } from './command-play.ts';
export {
  type Command,
  type CommandOptions,
  type CommandPlan,
  commands,
  type EventSources,
  eventTypes,
  type MaybeOptions,
} from './commands.ts';
export type { Fault, FaultKind, Line } from './fault.ts';
export { type FaultPlanOptions, faultPlan, several } from './fault-plan.ts';

// Worlds

export type { PlannedFault } from './nemesis.ts';
export type { LockServer, Servers, Site, StateServer } from './servers.ts';
export type { Asked, Program, SimNode, SimPorts, StartProgram } from './sim-node.ts';
export type { Stream } from './stream.ts';
export type { Chooser } from './time.ts';
export type { World, WorldOptions } from './world.ts';

// What was asked and seen

export { type Objection, type Run, type RunCheck, recordedRun } from './check.ts';
export {
  History,
  type HistoryRecord,
  type Invocation,
  mergeHistories,
  type Operation,
  type Outcome,
  type Pending,
  type Sighted,
  type Sighting,
} from './history.ts';
export { isLeaseOperation, type LeaseInput, type LeaseOperation, type LeaseOutput } from './lease-operation.ts';
export type { Check, Seen, Violation } from './seen.ts';
export { Trace, type TraceEntry, type TraceEvent, traceDigest, traceText } from './trace.ts';

// Whether it was right

export { type AsTheMachineOptions, asTheMachine } from './as-the-machine.ts';
export { effectivelyOnce, exclusiveByFence, type Owed, risingFences } from './fence-checks.ts';
export { type Disorder, fenceDisorders } from './fence-order.ts';
export type { Looked } from './machine-model.ts';
export {
  leasesInFenceOrder,
  linearizableBy,
  linearizableLeases,
  linearizableLogs,
  linearizableRegisters,
  type Reference,
  refines,
} from './order-checks.ts';
export {
  everyWaiterServed,
  type KeptOptions,
  noAcknowledgedLoss,
  nonVacuous,
  reachedIn,
  type ServedOptions,
  sometimes,
  type VacuityOptions,
} from './run-checks.ts';

// What an order is looked for with: models of objects, and the search itself

export { diagram, explain } from './explanation.ts';
export { type LeaseModelOptions, leaseModel } from './lease-model.ts';
export {
  linearizable,
  type NoOrder,
  type OrderFound,
  type SearchOptions,
  type Undecided,
  type Verdict,
} from './linearizable.ts';
export { type LogInput, type LogOperation, type LogOutput, logModel } from './log-model.ts';
export {
  type RegisterInput,
  type RegisterOperation,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
} from './register-model.ts';
export type { SequentialModel } from './sequential-model.ts';

// What happened, for people; cases that are kept

export { type CaseFile, CaseFileError, readCaseFile, writeCaseFile } from './case-file.ts';
export type { StoryOptions } from './story.ts';
export { type TimelinePageOptions, timelineHtml } from './timeline.html.ts';
export { type MermaidOptions, timelineMermaid } from './timeline.mermaid.ts';
export { type TimelineOptions, timeline } from './timeline.ts';
