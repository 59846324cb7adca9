import { expect, it } from 'vitest';
import type { ActorId } from '../src/actor-id.ts';
import { Owner, settled, shardOf } from '../src/store-contract.fixtures.ts';
import { postgresOfThisFile } from './postgres-stores.fixture.ts';
import { redisOfThisFile } from './redis-stores.fixture.ts';

const servers = [
  {
    name: 'Redis with appendfsync always',
    server: redisOfThisFile({ config: { appendonly: 'yes', appendfsync: 'always' } }),
  },
  { name: 'PostgreSQL', server: postgresOfThisFile() },
];

it.each(servers)('[ST3] a kill -9 of $name loses nothing that was acknowledged', async ({ server }) => {
  const { state, log } = await server.stores();
  const inShards = new Map(
    Array.from({ length: 200 }, (_, n): ActorId => `counter:${n}`).map((id) => [shardOf(state, id), id]),
  );
  const writers = await Promise.all([...inShards.values()].slice(0, 16).map((id) => Owner.of(state, id)));
  const acknowledged = new Map<ActorId, { version: number; last: string }>();
  let enough: () => void = () => {};
  const running = new Promise<void>((resolve) => (enough = resolve));

  const work = writers.map(async (writer) => {
    for (let n = 1; ; n++) {
      const { version, events } = await writer.committed({
        snapshot: { n },
        settles: [settled(n, n, n)],
        events: [{ type: 'counted', data: n }],
      });
      acknowledged.set(writer.id, { version, last: events[0]?.id ?? '' });
      if (n === 100) enough();
    }
  });
  const ended = Promise.allSettled(work);
  await running;
  await server.backend().kill();
  for (const outcome of await ended)
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: { code: expect.stringMatching(/^(REPLY_LOST|STORE_UNAVAILABLE)$/) },
    });

  await server.backend().restart();
  expect(acknowledged.size).toBe(16);
  for (const writer of writers) {
    const { version, last } = acknowledged.get(writer.id) ?? { version: 0, last: '' };
    const record = await writer.record();
    expect(record.version).toBeGreaterThanOrEqual(version);
    expect(record.snapshot).toEqual({ n: record.version });
    expect(await log.last(writer.id)).toBe(record.cursor);
    expect(await log.read(writer.id, last, 9)).toMatchObject({
      kind: 'events',
      events: record.version === version ? [] : [{ data: record.version }],
    });
    expect(await writer.commit({ basis: record.version, settles: [settled(record.version, 1)] })).toMatchObject({
      kind: 'duplicate',
    });
  }
});
