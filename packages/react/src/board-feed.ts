// BoardFeed
//
// One blackboard, kept up to date for as long as anybody looks at it: read once, then
// followed by the events of its topic, and read on whenever the server cannot promise that
// nothing was missed.
//
//   BF1  However many look, there is one subscription and one view.
//   BF2  After a gap only what came after the last contribution known without one is read.
//   BF3  A board that came to its end is read once more, with its Solution.
//   BF4  Listeners hear of events at most every 50 ms, however many there are.
import type { Blackboard, Solution, WireEvent } from '@devmentor/contracts';
import type { AIServiceProxy } from './ai-service-proxy.ts';
import {
  type BoardView,
  leavesToRead,
  resetBoard,
  unreadBoard,
  withBoard,
  withBoardEvents,
  withContributions,
  withoutBoard,
  withSolution,
} from './board-view.ts';
import { type Cancel, type Clock, pause } from './clock.ts';
import type { LiveConnection } from './connection.ts';
import { type CoordinationError, isCoordinationError } from './errors.ts';
import { SnapshotStore } from './snapshot-store.ts';

const readAgainMs = 2_000;
const gatherMs = 50;
const pageSize = 100;

export interface BoardFeedOptions {
  readonly boardId: string;
  readonly ai: AIServiceProxy;
  readonly connection: LiveConnection;
  readonly clock: Clock;
}

export class BoardFeed {
  readonly store = new SnapshotStore<BoardView>(unreadBoard);
  /** The last reading that failed, if nothing has been read since. */
  readonly fault = new SnapshotStore<CoordinationError | undefined>(undefined);
  readonly #options: BoardFeedOptions;
  readonly #stopped = new AbortController();
  readonly #unsubscribe: () => void;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #heard: WireEvent[] = [];
  #cancelGathering: Cancel | undefined;
  /** Counts what was said of the board as a whole. */
  #said = 0;
  /** Up to here no contribution is missing. */
  #knownTo: string | undefined;
  #isWhole = false;

  constructor(options: BoardFeedOptions) {
    this.#options = options;
    this.#unsubscribe = options.connection.subscribe(`blackboard:${options.boardId}`, {
      event: (event) => this.#hear(event),
      subscribed: (continuous) => {
        if (!continuous) this.refresh();
      },
      ended: () => this.#gone(),
    });
    this.refresh();
  }

  /** Reads the board, and what was contributed since it was last known. */
  refresh(): void {
    this.#isWhole = false;
    if (this.#reading !== undefined) {
      this.#readAgain = true;
      return;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
      const again = this.#readAgain;
      this.#readAgain = false;
      if (again && !this.#stopped.signal.aborted) this.refresh();
    });
  }

  /** Takes what this client itself was answered, ahead of the event about it. */
  saw(board: Blackboard): void {
    this.#tell();
    this.store.change((view) => withBoard(view, board));
  }

  sawSolution(solution: Solution): void {
    this.store.change((view) => withSolution(view, solution));
  }

  stop(): void {
    this.#stopped.abort();
    this.#cancelGathering?.();
    this.#unsubscribe();
  }

  #hear(event: WireEvent): void {
    this.#heard.push(event);
    this.#cancelGathering ??= this.#options.clock.after(gatherMs, () => this.#tell());
  }

  #tell(): void {
    this.#cancelGathering?.();
    this.#cancelGathering = undefined;
    const heard = this.#heard;
    if (heard.length === 0) return;
    this.#heard = [];
    if (heard.some(({ type }) => type !== 'blackboard.contribution' && type !== 'blackboard.scheduled'))
      this.#said += 1;
    this.store.change((view) => withBoardEvents(view, heard));
    if (this.#isWhole) this.#knownTo = this.store.get().contributions.at(-1)?.cursor;
    if (heard.some(leavesToRead)) this.refresh();
  }

  async #read(): Promise<void> {
    const { boardId, ai, clock } = this.#options;
    const { signal } = this.#stopped;
    try {
      const saidBefore = this.#said;
      const board = await ai.blackboard(boardId, { signal });
      const known = this.store.get().board;
      if (known !== undefined && known.createdAt !== board.createdAt) this.#forget();
      await this.#readContributions();
      this.#tell();
      const quiet = this.#said === saidBefore;
      this.store.change((view) => (quiet ? resetBoard(view, board) : withBoard(view, board)));
      await this.#readSolution(board);
      if (!this.#readAgain) this.#isWhole = true;
      this.fault.change(() => undefined);
    } catch (error) {
      if (signal.aborted) return;
      if (!isCoordinationError(error)) throw error;
      if (error.code === 'NOT_FOUND' || error.code === 'FORBIDDEN') {
        this.#gone();
        this.fault.change(() => undefined);
        return;
      }
      this.fault.change(() => error);
      await this.#rest(clock);
    }
  }

  async #readContributions(): Promise<void> {
    const { boardId, ai } = this.#options;
    const { signal } = this.#stopped;
    for (let after = this.#knownTo; ; ) {
      const page = await ai.contributions(boardId, { after, limit: pageSize }, { signal });
      this.store.change((view) => withContributions(view, page.items));
      // Only what was read counts: events that came before it may have left a gap.
      after = page.nextCursor ?? page.items.at(-1)?.cursor ?? after;
      this.#knownTo = after;
      if (page.nextCursor === undefined) return;
    }
  }

  async #readSolution({ solutionId }: Blackboard): Promise<void> {
    // A board that was cancelled early has come to nothing.
    if (solutionId === undefined || solutionId === this.store.get().solution?.id) return;
    const { boardId, ai } = this.#options;
    this.sawSolution(await ai.solution(boardId, { signal: this.#stopped.signal }));
  }

  #gone(): void {
    this.#knownTo = undefined;
    this.store.change(withoutBoard);
  }

  // Deleted and opened anew under its id: another log.
  #forget(): void {
    this.#knownTo = undefined;
    this.store.change(() => unreadBoard);
  }

  // A server that is away is asked again now and then; its return over the live connection
  // asks at once.
  async #rest(clock: Clock): Promise<void> {
    try {
      await pause(clock, readAgainMs, this.#stopped.signal);
      this.#readAgain = true;
    } catch {
      // Stopped meanwhile.
    }
  }
}
