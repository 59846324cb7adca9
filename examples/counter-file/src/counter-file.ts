import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** What the file holds. */
export interface Count {
  readonly value: number;
  /** The highest fence that it was shown; 16 digits, so it compares as text. */
  readonly fence: string;
}

/** A number in a file that several processes write. */
export class CounterFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  read(): Count {
    return JSON.parse(readFileSync(this.#path, 'utf8')) as Count;
  }

  /** Writes whatever it is given, whoever gives it. */
  write(count: Count): void {
    const draft = `${this.#path}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(count));
    renameSync(draft, this.#path);
  }

  /** The value as a holder may rely on it: from here on, nobody with a lower fence changes it. */
  readUnder(fence: string): number {
    return this.#behindTheDoor(() => {
      const { value, fence: seen } = this.read();
      if (fence < seen) throw new StaleWrite(fence, seen);
      this.write({ value, fence });
      return value;
    });
  }

  /** Writes, unless the file was shown a higher fence. */
  writeUnder(fence: string, value: number): void {
    this.#behindTheDoor(() => {
      const { fence: seen } = this.read();
      if (fence < seen) throw new StaleWrite(fence, seen);
      this.write({ value, fence });
    });
  }

  /** A file that only one process can create makes comparing and writing one step. */
  #behindTheDoor<T>(step: () => T): T {
    const door = `${this.#path}.door`;
    for (;;) {
      try {
        closeSync(openSync(door, 'wx'));
        break;
      } catch (fault) {
        if ((fault as NodeJS.ErrnoException).code !== 'EEXIST') throw fault;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      }
    }
    try {
      return step();
    } finally {
      rmSync(door);
    }
  }
}

/** A later holder has been here. */
export class StaleWrite extends Error {
  override readonly name = 'StaleWrite';

  constructor(fence: string, seen: string) {
    super(`the file was shown fence ${seen}; ${fence} is stale`);
  }
}
