// Write group
//
// Everything a tick asks to write is one transaction, so the disk is waited for once.
//
//   WG1  A write is answered after its group is on disk, never before.
//   WG2  Writes take effect in the order they were asked for, each seeing those before it.
//   WG3  A write that throws is undone alone; its neighbours stay.
//   WG4  When a group cannot be stored none of it is answered as written: every one of its
//        callers gets the fault, 'unknown' only where bytes may have reached the disk.
//   WG5  A group holds at most 512 writes; at most 16,384 wait, and more are refused.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '@devmentor/locks';
import { isSqliteError, type Moment, type SqliteError, storeOverloaded } from './faults.sqlite.ts';

interface Waiting {
  /** Does the write; answers what tells its caller once the group is on disk. */
  readonly run: () => () => void;
  readonly reject: (fault: unknown) => void;
}

const mostInGroup = 512;
const mostWaiting = 16_384;

type Step = 'begin' | 'commit' | 'rollback' | 'mark' | 'keep' | 'undo';

const steps: Readonly<Record<Step, string>> = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  mark: 'SAVEPOINT one',
  keep: 'RELEASE one',
  undo: 'ROLLBACK TO one',
};

export class WriteGroup {
  readonly #dir: string;
  readonly #clock: Pick<Clock, 'soon'>;
  readonly #failed: (error: SqliteError, moment: Moment) => unknown;
  readonly #steps: Readonly<Record<Step, StatementSync>>;
  #waiting: Waiting[] = [];
  #scheduled = false;

  /** `failed` turns what ended a group into its callers' fault. */
  constructor(options: {
    readonly connection: DatabaseSync;
    readonly dir: string;
    readonly clock: Pick<Clock, 'soon'>;
    readonly failed: (error: SqliteError, moment: Moment) => unknown;
  }) {
    const { connection } = options;
    this.#dir = options.dir;
    this.#clock = options.clock;
    this.#failed = options.failed;
    this.#steps = {
      begin: connection.prepare(steps.begin),
      commit: connection.prepare(steps.commit),
      rollback: connection.prepare(steps.rollback),
      mark: connection.prepare(steps.mark),
      keep: connection.prepare(steps.keep),
      undo: connection.prepare(steps.undo),
    };
  }

  submit<R>(work: () => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      if (this.#waiting.length >= mostWaiting) {
        reject(storeOverloaded(this.#dir, this.#waiting.length));
        return;
      }
      this.#waiting.push({
        run: () => {
          const result = work();
          return () => resolve(result);
        },
        reject,
      });
      this.#schedule();
    });
  }

  /** Stores what waits, now. */
  flush(): void {
    while (this.#waiting.length > 0) this.#store(this.#waiting.splice(0, mostInGroup));
  }

  /** Fails what waits; it never reached the disk. */
  refuse(fault: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(fault);
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    this.#clock.soon(() => {
      this.#scheduled = false;
      this.#store(this.#waiting.splice(0, mostInGroup));
      this.#schedule();
    });
  }

  #store(group: readonly Waiting[]): void {
    if (group.length === 0) return;
    let moment: Moment = 'before-end';
    const answers: (() => void)[] = [];
    try {
      this.#steps.begin.run();
      for (const waiting of group) answers.push(this.#one(waiting));
      moment = 'end';
      this.#steps.commit.run();
    } catch (error) {
      this.#rollback();
      const fault = isSqliteError(error) ? this.#failed(error, moment) : error;
      for (const { reject } of group) reject(fault);
      return;
    }
    for (const answer of answers) answer();
  }

  #one({ run, reject }: Waiting): () => void {
    this.#steps.mark.run();
    try {
      const answer = run();
      this.#steps.keep.run();
      return answer;
    } catch (error) {
      if (isSqliteError(error)) throw error;
      this.#steps.undo.run();
      this.#steps.keep.run();
      return () => reject(error);
    }
  }

  #rollback(): void {
    try {
      this.#steps.rollback.run();
    } catch {
      // SQLite has rolled back by itself.
    }
  }
}
