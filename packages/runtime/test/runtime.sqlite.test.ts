import { readFileSync } from 'node:fs';
import { systemClock } from '@devmentor/locks';
import { expect, it } from 'vitest';
import { createRuntime } from '../src/index.ts';
import { DATA_DIR_CODES } from '../src/sqlite.ts';
import { Counter } from './counter.fixture.ts';
import { sqliteOfThisFile } from './sqlite-stores.fixture.ts';

const sqlite = sqliteOfThisFile();

async function start(dir: string) {
  const { database, state, log } = await sqlite.stores({ dir });
  const runtime = createRuntime({ actors: [Counter], state, clock: systemClock });
  await runtime.start();
  return { counter: runtime.actor(Counter, 'a'), runtime, database, log };
}

it('[DB1] an actor goes on in the next process where the last one ended, drained or not', async () => {
  const dir = sqlite.folder();
  for (const [round, ending] of (['stop', 'drain', 'stop'] as const).entries()) {
    const { counter, runtime, database, log } = await start(dir);
    await Promise.all(Array.from({ length: 10 }, () => counter.tell({ type: 'add', by: 1 })));
    expect((await counter.read()).context.total).toBe(10 * (round + 1));
    const page = await log.read('counter:a', '', 100);
    expect(page.kind === 'events' && page.events.map(({ data }) => data)).toEqual(
      Array.from({ length: 10 * (round + 1) }, (_, n) => ({ total: n + 1 })),
    );
    await runtime[ending]();
    await runtime.stop();
    database.close();
  }
});

it('[ST3] a timer that was set before a restart fires after it', async () => {
  const dir = sqlite.folder();
  const before = await start(dir);
  await before.counter.tell({ type: 'arm', delayMs: 300 });
  await before.runtime.stop();
  before.database.close();
  const after = await start(dir);
  await expect.poll(async () => (await after.counter.read()).context.alarms).toBe(1);
  await after.runtime.stop();
});

it('the README explains every code of a data folder', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  for (const code of DATA_DIR_CODES) expect(readme).toContain(code);
});
