import { systemClock } from '@devmentor/locks';
import { expect, it } from 'vitest';
import { createRuntime } from '../src/index.ts';
import { Counter } from './counter.fixture.ts';
import { postgresOfThisFile } from './postgres-stores.fixture.ts';

const postgres = postgresOfThisFile();

async function start(namespace: string) {
  const { database, state, log } = await postgres.stores({ namespace });
  const runtime = createRuntime({ actors: [Counter], state, clock: systemClock });
  await runtime.start();
  return { counter: runtime.actor(Counter, 'a'), runtime, database, log };
}

it('[ST3] an actor goes on in the next process where the last one ended, over a restart of the server too', async () => {
  for (const [round, ending] of (['stop', 'drain', 'stop'] as const).entries()) {
    const { counter, runtime, database, log } = await start('goes-on');
    await Promise.all(Array.from({ length: 10 }, () => counter.tell({ type: 'add', by: 1 })));
    expect((await counter.read()).context.total).toBe(10 * (round + 1));
    const page = await log.read('counter:a', '', 100);
    expect(page.kind === 'events' && page.events.map(({ data }) => data)).toEqual(
      Array.from({ length: 10 * (round + 1) }, (_, n) => ({ total: n + 1 })),
    );
    await runtime[ending]();
    await runtime.stop();
    await database.close();
    await postgres.backend().restart();
  }
});

it('[AC3] a tell that is under way when the server is killed is applied once', async () => {
  const { counter, runtime } = await start('killed');
  await counter.tell({ type: 'add', by: 1 });
  const tells = Array.from({ length: 20 }, () => counter.tell({ type: 'add', by: 1 }, { deadlineMs: 20_000 }));
  await postgres.backend().kill();
  await postgres.backend().restart();
  await Promise.all(tells);
  expect((await counter.read({ fresh: true })).context.total).toBe(21);
  await runtime.stop();
});

it('[ST3] a timer that was set before a restart fires after it', async () => {
  const before = await start('timer');
  await before.counter.tell({ type: 'arm', delayMs: 300 });
  await before.runtime.stop();
  const after = await start('timer');
  await expect.poll(async () => (await after.counter.read()).context.alarms).toBe(1);
  await after.runtime.stop();
});
