// The public face of a node: actors in, references out.
import type { Clock, Entropy, LockManager } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import type { ActorRef } from './actor-ref.ts';
import type { Admin } from './admin.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { ActorType, ActorTypes } from './define-actor.ts';
import type { Finding } from './finding.ts';
import type { Inspect } from './inspection-feed.ts';
import type { InspectionEvent, InspectionOptions } from './inspection-stream.ts';
import type { MailLimits } from './mail-load.ts';
import { Node } from './node.ts';
import type { RuntimeMetrics } from './runtime-metrics.ts';
import type { Incarnation, Json, Shard, StateStore } from './state-store.ts';
import type { Tracer } from './tracing.ts';
import type { Transport } from './transport.ts';

/** What `createRuntime` takes; only `actors` is needed. Options that contradict each other are RUNTIME_CONFIG. */
export interface RuntimeOptions {
  readonly actors: readonly ActorType[];
  /** Names the deployment in subjects; nodes of one namespace form one cluster. @default 'devmentor' */
  readonly namespace?: string;
  /** All three or none: without them everything lives in this process, and one node owns it all. */
  readonly locks?: LockManager;
  readonly state?: StateStore;
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  readonly node?: {
    readonly id?: string;
    readonly address?: string;
    readonly version?: string;
    readonly meta?: { readonly [key: string]: Json };
  };
  /** Most actors kept in memory; beyond it the longest idle leave. @default 100000 */
  readonly maxResident?: number;
  /** Messages that may wait in all mailboxes together. @default 100000 messages, 64 MiB */
  readonly mail?: Partial<MailLimits>;
  readonly onDeadLetter?: (letter: DeadLetter) => void;
  /** What went wrong and was lived with: for a log. */
  readonly onFault?: (fault: unknown) => void;
  /**
   * For development: the `inspect` of an XState inspector, `createBrowserInspector().inspect` of `@statelyai/inspect`
   * for one, which then shows the actors of this node as if they were live ones.
   */
  readonly inspect?: Inspect;
  /** A warning of the durability lint about an actor type. @default one line on the console */
  readonly onWarning?: (warning: Finding & { readonly type: string }) => void;
  /**
   * A tracer of OpenTelemetry (`trace.getTracer('app')`): each step is a span then, in the trace of whoever
   * caused it. Needs the package `@opentelemetry/api`, which is loaded for it and not otherwise.
   */
  readonly tracer?: Tracer;
  /** What machines `log`. */
  readonly onLog?: (line: {
    readonly actor: ActorId;
    readonly label: string | undefined;
    readonly value: unknown;
  }) => void;
}

/** A node of the cluster, as this one last heard of it. */
export interface NodeView {
  readonly incarnation: Incarnation;
  readonly address?: string;
  readonly version?: string;
  readonly self: boolean;
}

/**
 * One node of a cluster, or the whole of it where it runs alone. Made by `createRuntime`; many may live in one process.
 *
 * Calls before `start` and after `stop` reject with NOT_RUNNING.
 */
export interface Runtime {
  /** Joins the cluster; resolves when this node serves its part of the shards that are free. */
  start(): Promise<void>;
  /** Hands every shard over, finishes what is running, leaves. For SIGTERM. */
  drain(): Promise<void>;
  /** Leaves at once; what was not committed is not answered. Safe at any moment, also after `drain`. */
  stop(): Promise<void>;
  actor<Types extends ActorTypes>(type: ActorType<string, Types>, key: string): ActorRef<Types>;
  /** Lives, and may own shards. */
  readonly state: 'new' | 'starting' | 'serving' | 'isolated' | 'draining' | 'stopped';
  readonly incarnation: Incarnation;
  /** For operators: what went wrong, and setting it right. */
  readonly admin: Admin;
  /**
   * For an inspector's page: the actors in memory on this node, then their steps as they are committed. A
   * slow reader misses steps and is told how many. Ends with its signal, or with the runtime.
   */
  inspect(options?: InspectionOptions): AsyncIterable<InspectionEvent>;
  /** What it has counted; as text with `runtimeMetricsText`. */
  readonly metrics: RuntimeMetrics;
  nodes(): readonly NodeView[];
  shards(): readonly Shard[];
}

/**
 * Builds a node; it does nothing until `start`.
 *
 * @example
 * const runtime = createRuntime({ actors: [Counter] });
 * await runtime.start();
 * await runtime.actor(Counter, 'a').tell({ type: 'add', by: 1 });
 */
export function createRuntime(options: RuntimeOptions): Runtime {
  return new Node(options);
}
