import { CoordinationError } from '@devmentor/locks';
import type { BlackboardSystem, Entry } from '../src/index.ts';

/** Never ends where the process does. */
export type Pause = (ms: number) => Promise<void>;

const AGAIN_MS = 200;

/** Somebody on a node who reads a board from its beginning, over whatever becomes of the node. */
export class Watcher {
  readonly node: string;
  readonly board: string;
  readonly seen: Entry[] = [];
  #cursor = '';

  constructor(node: string, board: string) {
    this.node = node;
    this.board = board;
  }

  async follow(boards: BlackboardSystem, pause: Pause): Promise<never> {
    for (;;) {
      try {
        for await (const { cursor, ...entry } of boards.watch(this.board, { after: this.#cursor })) {
          this.seen.push(entry);
          this.#cursor = cursor;
        }
      } catch (fault) {
        if (!(fault instanceof CoordinationError)) throw fault;
      }
      await pause(AGAIN_MS);
    }
  }
}
