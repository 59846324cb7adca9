// Shared
//
// Things that several users share and that outlive the last of them by a moment: React
// unmounts and mounts again (StrictMode, a route change) what it is about to use.
//
//   R1  The last user's leaving ends the thing after `lingerMs`, unless somebody comes.
//   R2  A user that leaves twice has left once.
import type { Cancel, Clock } from './clock.ts';

interface Entry<Thing> {
  readonly thing: Thing;
  users: number;
  cancelEnd: Cancel | undefined;
}

export class Shared<Thing> {
  readonly #entries = new Map<string, Entry<Thing>>();
  readonly #options: {
    readonly clock: Clock;
    readonly lingerMs: number;
    readonly make: (key: string) => Thing;
    readonly end: (thing: Thing, key: string) => void;
  };

  constructor(options: {
    readonly clock: Clock;
    readonly lingerMs: number;
    readonly make: (key: string) => Thing;
    readonly end: (thing: Thing, key: string) => void;
  }) {
    this.#options = options;
  }

  /** Makes the thing when there is none, and keeps it until every user has left. */
  use(key: string): { readonly thing: Thing; readonly leave: () => void } {
    const entry = this.#entries.get(key) ?? this.#make(key);
    entry.users += 1;
    entry.cancelEnd?.();
    entry.cancelEnd = undefined;
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      entry.users -= 1;
      if (entry.users > 0) return;
      entry.cancelEnd = this.#options.clock.after(this.#options.lingerMs, () => this.#end(key, entry));
    };
    return { thing: entry.thing, leave };
  }

  /** The thing under a key, if there is one. */
  peek(key: string): Thing | undefined {
    return this.#entries.get(key)?.thing;
  }

  all(): Thing[] {
    return [...this.#entries.values()].map(({ thing }) => thing);
  }

  endAll(): void {
    for (const [key, entry] of [...this.#entries]) this.#end(key, entry);
  }

  #make(key: string): Entry<Thing> {
    const entry: Entry<Thing> = { thing: this.#options.make(key), users: 0, cancelEnd: undefined };
    this.#entries.set(key, entry);
    return entry;
  }

  #end(key: string, entry: Entry<Thing>): void {
    entry.cancelEnd?.();
    if (this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    this.#options.end(entry.thing, key);
  }
}
