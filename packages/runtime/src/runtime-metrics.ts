// What a runtime has counted since it was made, and what it holds at this moment.
import type { HistogramSnapshot } from '@devmentor/locks';
import type { NodeCounts, TypeCounts } from './counts.ts';

/** Of the actors of one type on this node. */
export interface TypeMetrics {
  /** Messages that a mailbox took. */
  readonly messages: number;
  /** Messages that a mailbox had no room for. */
  readonly refusals: number;
  /** Letters that were stepped: messages, timers, ends of invokes and orders, also what was refused. */
  readonly steps: number;
  readonly commits: number;
  readonly deadLetters: number;
  readonly passivations: number;
  /** In memory at this moment. */
  readonly residents: number;
  /** Messages these owe to others. */
  readonly outbox: number;
  /** Age of the oldest of them; 0 without any. */
  readonly outboxOldestMs: number;
  /** How long its breaker still keeps failing letters from being given up; 0 while it is closed. */
  readonly breakerMs: number;
  /** From the arrival of a message to its step. */
  readonly queueWait: HistogramSnapshot;
  /** From the send of a commit to its known outcome. */
  readonly commit: HistogramSnapshot;
  /** How long after its time a timer was stepped. */
  readonly timerLateness: HistogramSnapshot;
}

/** Counts and moments of a node as a whole; counts begin when the runtime is made. */
export interface NodeMetrics {
  readonly shards: number;
  /** Shards this node has sealed. */
  readonly seals: number;
  /** Those among them whose owner before had not given them up. */
  readonly failovers: number;
  /** Shards that another owner was seen of while this node served them. */
  readonly fenced: number;
  /** Messages that wait in all mailboxes, and their size as JSON. */
  readonly mail: { readonly messages: number; readonly bytes: number };
  /** How late this node's beats were: an event loop that stood still. */
  readonly stall: HistogramSnapshot;
  /** What was left of the node's lease when it was about to be renewed: the early warning, long before a loss. */
  readonly leaseMargin: HistogramSnapshot;
  /** How long the node's lease surely holds from now; undefined where there is none. */
  readonly leaseMarginMs: number | undefined;
}

/** What `RuntimeMetrics` says at one moment: by actor type, and of the node. */
export interface RuntimeMetricsSnapshot {
  readonly types: Readonly<Record<string, TypeMetrics>>;
  readonly node: NodeMetrics;
}

/** Counts of one runtime, read with `snapshot`, or as text with `runtimeMetricsText`. */
export interface RuntimeMetrics {
  /** Walks over the actors in memory: for a scrape, not for a loop. */
  snapshot(): RuntimeMetricsSnapshot;
}

/** An actor in memory, as far as it is counted. */
export interface Resident {
  readonly counts: TypeCounts;
  /** What it owes; undefined for nothing. */
  readonly debt: { readonly messages: number; readonly sinceMs: number } | undefined;
}

export interface MetricsPorts {
  readonly types: ReadonlyMap<string, { readonly counts: TypeCounts }>;
  readonly node: NodeCounts;
  residents(): Iterable<Resident>;
  storeNowMs(): number;
  /** How long the breaker of a type is open. */
  heldMs(type: string): number;
  present(): Pick<NodeMetrics, 'shards' | 'mail' | 'leaseMarginMs'>;
}

export class CountedMetrics implements RuntimeMetrics {
  readonly #ports: MetricsPorts;

  constructor(ports: MetricsPorts) {
    this.#ports = ports;
  }

  snapshot(): RuntimeMetricsSnapshot {
    const { types, node, present, heldMs } = this.#ports;
    const held = this.#held();
    const entries = [...types].map(
      ([type, { counts }]) => [type, typeMetrics(counts, heldMs(type), held.get(counts))] as const,
    );
    const { seals, failovers, fenced, stall, leaseMargin } = node;
    return {
      types: Object.fromEntries(entries),
      node: {
        seals,
        failovers,
        fenced,
        stall: stall.snapshot(),
        leaseMargin: leaseMargin.snapshot(),
        ...present(),
      },
    };
  }

  #held(): ReadonlyMap<TypeCounts, Held> {
    const nowMs = this.#ports.storeNowMs();
    const held = new Map<TypeCounts, Held>();
    for (const { counts, debt } of this.#ports.residents()) {
      let of = held.get(counts);
      if (of === undefined) {
        of = { residents: 0, outbox: 0, outboxOldestMs: 0 };
        held.set(counts, of);
      }
      of.residents++;
      if (debt === undefined) continue;
      of.outbox += debt.messages;
      of.outboxOldestMs = Math.max(of.outboxOldestMs, nowMs - debt.sinceMs);
    }
    return held;
  }
}

interface Held {
  residents: number;
  outbox: number;
  outboxOldestMs: number;
}

const NOTHING_HELD: Held = { residents: 0, outbox: 0, outboxOldestMs: 0 };

function typeMetrics(counts: TypeCounts, breakerMs: number, held = NOTHING_HELD): TypeMetrics {
  const { messages, refusals, steps, commits, deadLetters, passivations } = counts;
  return {
    messages,
    refusals,
    steps,
    commits,
    deadLetters,
    passivations,
    ...held,
    breakerMs,
    queueWait: counts.queueWait.snapshot(),
    commit: counts.commit.snapshot(),
    timerLateness: counts.timerLateness.snapshot(),
  };
}
