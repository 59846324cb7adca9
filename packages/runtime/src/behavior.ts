// What an actor type is, once its TypeScript types are set aside: the form the runtime works
// with. `defineActor` makes one; nothing else does.
import type { AnyStateMachine } from 'xstate';
import type { DelayPolicy } from './delay-policy.ts';
import type { Finding } from './finding.ts';
import type { MailLimits } from './mail-load.ts';
import type { Json } from './state-store.ts';
import type { Supervision } from './supervision.ts';

/** Brings a stored snapshot of one machine version to the next. Pure; JSON in, JSON out. */
export type Migration = (snapshot: Json) => Json;

export interface Behavior {
  readonly name: string;
  readonly machine: AnyStateMachine;
  /** Stamped on every record; a node never runs a record of a higher version. */
  readonly version: number;
  /** `migrate[n]` brings a snapshot of version n to version n + 1. */
  readonly migrate: Readonly<Record<number, Migration>>;
  /** False: the state lives in memory only and is rebuilt on the next activation. */
  readonly durable: boolean;
  /** Event types that are answered by a `reply`. */
  readonly replies: ReadonlySet<string>;
  readonly mailbox: MailLimits;
  readonly idleMs: number;
  /** Policy of delays that is not `deadline`, by the name of the delay. */
  readonly delays: Readonly<Record<string, DelayPolicy>>;
  /** What is done when a step throws. */
  readonly supervision: Supervision;
  /** Input of the machine for a new actor of this key. */
  readonly input: (key: string) => unknown;
  /** Keys that are kept active wherever their shard is served. */
  readonly resident: readonly string[];
  /** What the lint found and nobody silenced. */
  readonly warnings: readonly Finding[];
}

/** The migrations from `from` to the behavior's version, applied in order; undefined when one is missing. */
export function migrated(behavior: Behavior, from: number, snapshot: Json): Json | undefined {
  let current = snapshot;
  for (let version = from; version < behavior.version; version++) {
    const migrate = behavior.migrate[version];
    if (migrate === undefined) return undefined;
    current = migrate(current);
  }
  return current;
}
