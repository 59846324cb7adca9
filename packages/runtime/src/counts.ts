// What a node counts, as it happens: every event is an addition to a field or to a place of an
// array, and nothing is made for it. `runtime-metrics.ts` reads it.
import { Histogram } from '@devmentor/locks';
import type { Incarnation } from './state-store.ts';

/** Of the actors of one type on one node. */
export class TypeCounts {
  /** Messages that a mailbox took. */
  messages = 0;
  /** Messages that a mailbox had no room for. */
  refusals = 0;
  /** Letters that were stepped: messages, timers, ends of invokes and orders, also what was refused. */
  steps = 0;
  commits = 0;
  deadLetters = 0;
  passivations = 0;
  /** What a letter took lately, in milliseconds. */
  paceMs = 1;
  /** From the arrival of a message to its step. */
  readonly queueWait = new Histogram();
  /** From the send of a commit to its known outcome. */
  readonly commit = new Histogram();
  /** How long after its time a timer was stepped. */
  readonly timerLateness = new Histogram();

  /** So long it took until a group of so many letters was done. */
  took(ms: number, letters: number): void {
    this.paceMs += (ms / Math.max(1, letters) - this.paceMs) / 8;
  }
}

/** Of the node itself. */
export class NodeCounts {
  /** Shards this node has sealed. */
  seals = 0;
  /** Those among them whose owner before had not given them up. */
  failovers = 0;
  /** Shards that another owner was seen of while this node served them. */
  fenced = 0;
  /** How late this node's beats were: an event loop that stood still. */
  readonly stall = new Histogram();
  /** What was left of the node's lease when it was about to be renewed. */
  readonly leaseMargin = new Histogram();

  sealed(by: Incarnation, before: Incarnation | 'none'): void {
    this.seals++;
    if (before !== 'none' && before !== by) this.failovers++;
  }
}
