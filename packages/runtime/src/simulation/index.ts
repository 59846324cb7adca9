// What was asked and seen, and whether it was right.

// Running many of them.
export { type Exploration, type ExploreOptions, explore } from './explore.ts';
// What may break.
export type { Fault, FaultKind, Line } from './fault.ts';
export { type FaultPlanOptions, faultPlan } from './fault-plan.ts';
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
// Worlds.
export type { Check, Seen, Violation } from './seen.ts';
export type { LockServer, StateServer } from './services.ts';
export type { Asked, Program, SimNode, SimPorts, StartProgram } from './sim-node.ts';
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
export type { Stream } from './stream.ts';
export { Trace, type TraceEntry, type TraceEvent, traceDigest, traceText } from './trace.ts';
export type { PlannedFault, World, WorldOptions } from './world.ts';
