// Outbox relay
//
// Brings the messages an actor owes to their receivers. A row leaves the outbox only when its
// receiver has committed it, or refuses it for good; the numbers in the rows make a second
// delivery, by this node or the next owner, a duplicate.
//
//   OB1  Per receiver, rows are delivered in the order of their numbers, one at a time.
//   OB2  A receiver that cannot take a row now is asked again, for ever, with growing pauses.
//   OB3  One slow receiver delays no other.
//   OB7  Of a receiver that is crowded the last row of a lane, but for those that close it, is settled with `closes`.
//   OB8  One that has no lane for a row is told nothing more until the rows have new numbers.
import type { Cancel, Clock } from '@devmentor/locks';
import type { OwedRow } from './activation-host.ts';
import type { ActorId } from './actor-id.ts';
import type { EventData } from './effect.ts';
import type { Answer } from './envelope.ts';
import { ActorError } from './errors.ts';
import { isLaneClosed } from './lanes.ts';
import type { OutboxRow } from './state-store.ts';

export interface RelayPort {
  readonly clock: Clock;
  /** Delivers with the row's own number. Throws an `ActorError` when the deadline passed. */
  deliver(row: OwedRow, signal: AbortSignal): Promise<Answer>;
  /** The receiver has it, or never will; `closes` when it was the last and the receiver asks to close the lane. */
  settled(row: OutboxRow, refusal: ActorError | undefined, closes: boolean): void;
  /** The receiver takes no number below `floor` on this lane, all of which waits until it is dropped. */
  closed(to: ActorId, rows: readonly OutboxRow[], floor: number): void;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

export class OutboxRelay {
  readonly #port: RelayPort;
  readonly #lanes = new Map<ActorId, OutboxRow[]>();
  /** Why the first row of a lane is still there. */
  readonly #refusals = new Map<ActorId, string>();
  readonly #stop = new AbortController();
  readonly #pauses = new Set<Cancel>();

  constructor(port: RelayPort) {
    this.#port = port;
  }

  /** How many rows are not settled. */
  get size(): number {
    let size = 0;
    for (const lane of this.#lanes.values()) size += lane.length;
    return size;
  }

  /** The lowest number that is not settled. */
  get oldest(): number | undefined {
    let oldest: number | undefined;
    for (const [row] of this.#lanes.values()) if (row !== undefined && !(row.n > (oldest ?? row.n))) oldest = row.n;
    return oldest;
  }

  /** What waits for whom, and why: at most so many receivers. */
  owed(most: number): readonly { readonly to: ActorId; readonly messages: number; readonly refusal?: string }[] {
    return [...this.#lanes].slice(0, most).map(([to, lane]) => {
      const refusal = this.#refusals.get(to);
      return { to, messages: lane.length, ...(refusal === undefined ? {} : { refusal }) };
    });
  }

  /** Forgets a lane that was closed. */
  drop(to: ActorId): void {
    this.#lanes.delete(to);
    this.#refusals.delete(to);
  }

  /** Rows in the order they were committed. */
  add(rows: readonly OutboxRow[]): void {
    for (const row of rows) {
      const lane = this.#lanes.get(row.to);
      if (lane !== undefined) {
        lane.push(row);
      } else {
        const opened = [row];
        this.#lanes.set(row.to, opened);
        void this.#run(row.to, opened);
      }
    }
  }

  stop(): void {
    this.#stop.abort();
    for (const cancel of this.#pauses) cancel();
    this.#pauses.clear();
    this.#lanes.clear();
    this.#refusals.clear();
  }

  async #run(to: ActorId, lane: OutboxRow[]): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let row = lane[0]; row !== undefined; row = lane[0]) {
      const verdict = await this.#attempt(row);
      if (this.#stop.signal.aborted) return;
      if (verdict.kind === 'closed') {
        // What is owed to it meanwhile joins the lane, and is numbered anew with it.
        this.#refusals.set(to, 'it is numbered anew');
        this.#port.closed(to, lane, verdict.floor);
        return;
      }
      if (verdict.kind === 'later') {
        this.#refusals.set(to, verdict.why);
        await this.#pause(Math.max(pauseMs, verdict.retryAfterMs));
        if (this.#stop.signal.aborted) return;
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
        continue;
      }
      pauseMs = FIRST_PAUSE_MS;
      this.#refusals.delete(to);
      lane.shift();
      this.#port.settled(row, verdict.refusal, verdict.crowded && lane.every(isLaneClosed));
    }
    this.#lanes.delete(to);
  }

  async #attempt(row: OutboxRow): Promise<Attempt> {
    try {
      const { event, ...rest } = row;
      const answer = await this.#port.deliver({ ...rest, event: event as object as EventData }, this.#stop.signal);
      if (answer.kind === 'closed') return answer;
      const crowded = 'crowded' in answer && answer.crowded === true;
      if (answer.kind !== 'fault') return { kind: 'over', refusal: undefined, crowded };
      const { code, message, applied, retryAfterMs = 0, suspended, buried } = answer.fault;
      // A dead letter of the receiver's: a second one of the sender's could be replayed beside it.
      if (buried === true) return { kind: 'over', refusal: undefined, crowded };
      const refusal = new ActorError(code, message, { applied, actor: row.to });
      return isForGood(refusal) && suspended !== true
        ? { kind: 'over', refusal, crowded }
        : { kind: 'later', why: `${code}: ${message}`, retryAfterMs };
    } catch (error) {
      return error instanceof ActorError && isForGood(error)
        ? { kind: 'over', refusal: error, crowded: false }
        : { kind: 'later', why: String(error), retryAfterMs: 0 };
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#port.clock.after(ms, () => {
        this.#pauses.delete(done);
        resolve();
      });
      const done = (): void => {
        cancel();
        resolve();
      };
      this.#pauses.add(done);
    });
  }
}

type Attempt =
  | { readonly kind: 'later'; readonly why: string; readonly retryAfterMs: number }
  | { readonly kind: 'over'; readonly refusal: ActorError | undefined; readonly crowded: boolean }
  | { readonly kind: 'closed'; readonly floor: number };

/** A quarantined, suspended or not yet supported receiver may be mended; one that refuses the event never will. */
function isForGood({ code }: ActorError): boolean {
  return (
    code === 'UNHANDLED_EVENT' ||
    code === 'ACTOR_FAILED' ||
    code === 'ACTOR_STOPPED' ||
    code === 'UNKNOWN_TYPE' ||
    code === 'TOO_LARGE' ||
    code === 'NOT_JSON' ||
    code === 'NO_REPLY' ||
    code === 'STALE_FENCE'
  );
}
