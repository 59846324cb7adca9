// Faults as data: a plan of them is JSON, can be written down, and shrinks. Nodes are numbered from 0. The
// world's time is 0 when the scenario begins, after every node has started, and the counts (`crossing`, `nth`)
// begin at 1 then.

/** What a node reaches over a line of its own. Records and topics are kept with the state and fail with it. */
export type Line = 'bus' | 'state' | 'log' | 'locks';

/** Something that breaks, as JSON. Times are milliseconds of the world, wall clocks jump by `wallMs`. */
export type Fault =
  /**
   * As kill -9. `crossing` is the n-th moment at which something leaves the node (just before, and just
   * after) or reaches it; so that every await of its code is met. It comes back as a new process.
   */
  | {
      readonly kind: 'crash';
      readonly node: number;
      readonly at: { readonly crossing: number } | { readonly ms: number };
      readonly restartAfterMs: number | 'never';
    }
  /** As SIGSTOP and SIGCONT. */
  | { readonly kind: 'stall'; readonly node: number; readonly atMs: number; readonly forMs: number }
  /** The machine sleeps: its monotonic clock stands still too. */
  | { readonly kind: 'sleep'; readonly node: number; readonly atMs: number; readonly forMs: number }
  /** Wall time jumps; of the store, its only clock. */
  | { readonly kind: 'clock'; readonly node: number | 'store'; readonly atMs: number; readonly wallMs: number }
  /** The node's clocks run fast, or slow, all along. */
  | { readonly kind: 'drift'; readonly node: number; readonly ppm: number }
  /** Nothing passes. A bus cut both ways tells the node that it is disconnected; one way, nobody. */
  | {
      readonly kind: 'cut';
      readonly node: number;
      readonly line: Line | 'all';
      readonly way: 'in' | 'out' | 'both';
      readonly atMs: number;
      readonly forMs: number;
    }
  /** What befalls the n-th message that leaves the node for the bus. One that is delayed for long is passed by later ones. */
  | {
      readonly kind: 'message';
      readonly node: number;
      readonly nth: number;
      readonly what: 'drop' | 'duplicate' | 'delay';
      readonly byMs?: number;
    }
  /**
   * What befalls the node's n-th call. `lost-reply`: it takes effect, and no answer comes; `late`: it is given
   * up on, and takes effect after that; `refused`: certainly no effect.
   */
  | {
      readonly kind: 'call';
      readonly node: number;
      readonly line: 'state' | 'log' | 'locks';
      readonly nth: number;
      readonly what: 'lost-request' | 'lost-reply' | 'late' | 'refused';
    }
  /** The service answers everybody later by `byMs`; beyond the time of a call, the caller gives up. */
  | {
      readonly kind: 'slow';
      readonly line: 'state' | 'log' | 'locks';
      readonly atMs: number;
      readonly forMs: number;
      readonly byMs: number;
    }
  /** A replica that lagged takes over: the last `losing` writes that were acknowledged are gone. */
  | { readonly kind: 'failover'; readonly line: 'state' | 'locks'; readonly atMs: number; readonly losing: number };

/** What a fault is, in one word. */
export type FaultKind = Fault['kind'];
