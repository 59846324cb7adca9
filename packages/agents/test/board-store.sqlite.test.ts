import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fenceOf, systemClock } from '@devmentor/locks';
import { openDatabase, type SqliteDatabase } from '@devmentor/runtime/sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { ArchitectureAgent, BlackboardSystem } from '../src/index.ts';
import { SqliteBoardStore } from '../src/sqlite.ts';
import { boardStoreContract } from '../src/testing.ts';

const opened: { readonly dir: string; database: SqliteDatabase }[] = [];

afterEach(() => {
  for (const { dir, database } of opened.splice(0)) {
    database.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

function folder() {
  const dir = mkdtempSync(join(tmpdir(), 'devmentor-boards-'));
  const one = { dir, database: openDatabase(dir, { clock: systemClock }) };
  opened.push(one);
  return one;
}

boardStoreContract({ open: async () => new SqliteBoardStore(folder().database) });

describe('boards in a data folder', () => {
  it('are there after the next start, work left undone is done, and fences were kept', async () => {
    const place = folder();
    const files = [
      { path: 'a.ts', content: "import './b.ts';" },
      { path: 'b.ts', content: "import './a.ts';" },
    ];
    const before = new BlackboardSystem({
      store: new SqliteBoardStore(place.database),
      sources: [new ArchitectureAgent()],
      controllers: false,
    });
    await before.open({ id: 'b', problem: { title: 'Two', description: '', files } });
    await before.stop();
    place.database.close();
    place.database = openDatabase(place.dir, { clock: systemClock });
    const after = new BlackboardSystem({
      store: new SqliteBoardStore(place.database),
      sources: [new ArchitectureAgent()],
    });
    expect((await after.settled('b')).status).toBe('solved');
    expect((await after.solution('b'))?.statements).toHaveLength(1);
    await after.stop();
    expect(place.database.highestFence() > fenceOf(0)).toBe(true);
  });
});
