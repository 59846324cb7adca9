import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@devmentor/locks';
import { afterAll } from 'vitest';
import { sqliteStores } from '../src/sqlite.ts';
import type { StoreLimits } from '../src/store-limits.ts';

/** Real ticks, and a wall clock that a test moves. */
export class MovedClock implements Clock {
  #aheadMs = 0;
  readonly nowMs = systemClock.nowMs;
  readonly after = systemClock.after;
  readonly background = systemClock.background;
  readonly soon = systemClock.soon;

  wallMs(): number {
    return systemClock.wallMs() + this.#aheadMs;
  }

  move(byMs: number): void {
    this.#aheadMs += byMs;
  }
}

/** Folders of this file's own; every call of `stores` opens an empty one unless it is told which. */
export function sqliteOfThisFile() {
  const root = mkdtempSync(join(tmpdir(), 'sqlite-stores-'));
  const clock = new MovedClock();
  const opened: ReturnType<typeof sqliteStores>[] = [];
  let folders = 0;
  afterAll(() => {
    for (const { database } of opened) database.close();
    rmSync(root, { recursive: true, force: true });
  });
  const folder = (): string => {
    folders += 1;
    return join(root, `data-${folders}`, 'in', 'here');
  };
  return {
    clock,
    folder,
    stores: async (
      settings: { readonly dir?: string; readonly shards?: number; readonly limits?: Partial<StoreLimits> } = {},
    ) => {
      const stores = sqliteStores({ dir: folder(), clock, ...settings });
      opened.push(stores);
      await stores.state.open();
      return stores;
    },
    elapse: async (ms: number) => clock.move(ms),
  };
}
