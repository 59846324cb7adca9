// Pump queue
//
// The activations of one node that have letters to step. They are stepped when the code that is
// running pauses, so that what arrives together is one group for each actor, and what these commit
// travels together.
//
//   PQ1  Each is stepped once for each time it was added, in that order.
//   PQ2  Once a frame of answers is full the others wait for it to leave: the one who asked goes on meanwhile.
//   PQ3  One that throws, which is a bug and is rethrown outside, keeps none of the others from their turn.
import { FULL_FRAME_ITEMS } from './frame.ts';

export interface Pumped {
  /** Steps what waits; `answered` when nothing has to be committed first. */
  pump(): 'answered' | 'committing';
}

const soon = Promise.resolve();

export class PumpQueue {
  #waiting: Pumped[] = [];
  #next = 0;

  add(activation: Pumped): void {
    // Not `queueMicrotask`, which in Node costs several times as much.
    if (this.#waiting.push(activation) === 1) void soon.then(this.#turn);
  }

  readonly #turn = (): void => {
    let answered = 0;
    try {
      while (this.#next < this.#waiting.length && answered < FULL_FRAME_ITEMS)
        if (this.#waiting[this.#next++]?.pump() === 'answered') answered++;
    } finally {
      if (this.#next < this.#waiting.length) {
        void soon.then(this.#turn);
      } else {
        this.#waiting = [];
        this.#next = 0;
      }
    }
  };
}
