// What leaves this node within one tick, by subject. The first messages of a tick leave as soon as
// the code that is running pauses, so that a quiet link adds no delay and those who were woken by
// one frame answer in one; the others of that tick leave together at its end.
import type { Clock } from '@devmentor/locks';
import { encodeFrame, FRAME_OVERHEAD_BYTES, FULL_FRAME_ITEMS } from './frame.ts';
import type { Pending, Requests } from './requests.ts';

/** Frames above this many bytes are not worth filling further. */
const fullBytes = 128 * 1024;

interface Outgoing {
  /** Fixed for answers and plain messages; that of a request is given when it leaves. */
  id: number;
  readonly body: Buffer;
  readonly pending: Pending | undefined;
}

interface Waiting {
  items: Outgoing[];
  bytes: number;
}

/** Writes one frame; `ids` are those of the requests in it. */
export type WriteFrame = (
  subject: string,
  frame: Buffer,
  ids: { readonly first: number; readonly count: number } | undefined,
) => void;

export class FrameQueue {
  readonly #clock: Clock;
  readonly #requests: Requests;
  readonly #write: WriteFrame;
  /** A new map for each departure: one that is emptied stays linked to its past, which the collector then keeps. */
  #waiting = new Map<string, Waiting>();
  #turn: 'none' | 'pause' | 'tick' = 'none';

  constructor(clock: Clock, requests: Requests, write: WriteFrame) {
    this.#clock = clock;
    this.#requests = requests;
    this.#write = write;
  }

  publish(subject: string, body: Buffer): void {
    this.#add(subject, { id: 0, body, pending: undefined });
  }

  answer(subject: string, id: number, body: Buffer): void {
    this.#add(subject, { id, body, pending: undefined });
  }

  ask(subject: string, body: Buffer, pending: Pending): void {
    this.#add(subject, { id: 0, body, pending });
  }

  /** Sends what waits, without waiting for the end of the tick. */
  flush(): void {
    const leaving = this.#waiting;
    this.#waiting = new Map();
    for (const [subject, waiting] of leaving) this.#leave(subject, waiting.items);
  }

  /** Forgets what waits: it must not travel over a later link. */
  drop(): void {
    this.#waiting = new Map();
  }

  #add(subject: string, item: Outgoing): void {
    if (this.#turn === 'none') {
      this.#turn = 'pause';
      queueMicrotask(() => this.#paused());
    }
    const waiting = this.#waiting.get(subject);
    const bytes = item.body.length + FRAME_OVERHEAD_BYTES;
    if (waiting === undefined) {
      this.#waiting.set(subject, { items: [item], bytes });
      return;
    }
    if (waiting.bytes + bytes > fullBytes) this.#fill(subject, waiting);
    waiting.items.push(item);
    waiting.bytes += bytes;
    if (waiting.items.length >= FULL_FRAME_ITEMS) this.#fill(subject, waiting);
  }

  #fill(subject: string, waiting: Waiting): void {
    this.#leave(subject, waiting.items);
    waiting.items = [];
    waiting.bytes = 0;
  }

  #paused(): void {
    this.#turn = 'tick';
    this.flush();
    this.#clock.soon(() => {
      this.#turn = 'none';
      this.flush();
    });
  }

  #leave(subject: string, items: readonly Outgoing[]): void {
    // A request that was aborted meanwhile need not be asked any more.
    const leaving = items.every(isWanted) ? items : items.filter(isWanted);
    if (leaving.length === 0) return;
    const asking: Pending[] = [];
    for (const { pending } of leaving) if (pending !== undefined) asking.push(pending);
    const first = this.#requests.number(asking);
    for (const item of leaving) if (item.pending !== undefined) item.id = item.pending.id;
    this.#write(subject, encodeFrame(leaving), asking.length === 0 ? undefined : { first, count: asking.length });
  }
}

function isWanted({ pending }: Outgoing): boolean {
  return pending === undefined || pending.waits;
}
