// What every LogStore does; the rules are those of log-store.ts.
import { describe, expect, it } from 'vitest';
import type { LogStore, TopicEvent } from './log-store.ts';
import type { StoreHarness } from './store-contract.fixtures.ts';
import { hostileIds } from './store-contract.fixtures.ts';

/** How the suite opens an empty store, and lets its time pass. */
export type LogStoreHarness = StoreHarness<LogStore>;

/** Tests, for vitest, that any `LogStore` passes. */
export function logStoreContract(harness: LogStoreHarness): void {
  describe('LogStore contract', () => {
    it('[LO1] ids increase as text and each event names the one before it', async () => {
      const log = await harness.open();
      const events = [...(await log.append('t:1', [one, two])), ...(await log.append('t:1', [three]))];
      const ids = events.map(({ id }) => id);
      expect(events.map(({ prev }) => prev)).toEqual(['', ids[0], ids[1]]);
      expect(ids).toEqual([...new Set(ids)].toSorted());
      expect(new Set(ids.map(({ length }) => length)).size).toBe(1);
      expect(await log.last('t:1')).toBe(ids[2]);
    });

    it('[LO1] appends at one instant are one after another in one order', async () => {
      const log = await harness.open();
      await Promise.all(Array.from({ length: 50 }, (_, n) => log.append('t:1', [counted(n), counted(n)])));
      const events = await all(log, 't:1');
      expect(events).toHaveLength(100);
      expect(events.map(({ prev }) => prev)).toEqual(['', ...events.slice(0, -1).map(({ id }) => id)]);
      const pairs = events.filter((_, i) => i % 2 === 0).map(({ data }, i) => [data, events[2 * i + 1]?.data]);
      for (const [first, second] of pairs) expect(first).toBe(second);
    });

    it('[LO2] a read answers the events after its cursor, in order, up to the limit', async () => {
      const log = await harness.open();
      const events = await log.append('t:1', [one, two, three]);
      expect(await log.read('t:1', '', 2)).toEqual({ kind: 'events', events: events.slice(0, 2) });
      expect(await log.read('t:1', events[0]?.id ?? '', 9)).toEqual({ kind: 'events', events: events.slice(1) });
      expect(await log.read('t:1', events[2]?.id ?? '', 9)).toEqual({ kind: 'events', events: [] });
    });

    it('[LO2] a topic without events reads empty', async () => {
      const log = await harness.open();
      expect(await log.read('t:1', '', 9)).toEqual({ kind: 'events', events: [] });
      expect(await log.last('t:1')).toBe('');
    });

    it('[LO2] the last 1,000 events are kept, a cursor that is older is gone', async () => {
      const log = await harness.open();
      const [first] = await log.append('t:1', [counted(0)]);
      for (let n = 1; n <= 30; n++)
        await log.append(
          't:1',
          Array.from({ length: 100 }, () => counted(n)),
        );
      const kept = await all(log, 't:1');
      expect(kept.length).toBeGreaterThanOrEqual(1_000);
      expect(kept.length).toBeLessThan(2_000);
      const oldest = kept[0];
      expect(await log.read('t:1', first?.id ?? '', 9)).toEqual({ kind: 'gone', oldest: oldest?.id });
      expect(await log.read('t:1', oldest?.prev ?? '', 1)).toEqual({ kind: 'events', events: [oldest] });
    });

    it('[LO2] a cursor that the topic never gave is gone', async () => {
      const log = await harness.open();
      const [event] = await log.append('t:1', [one]);
      expect(await log.read('t:2', event?.id ?? '', 9)).toEqual({ kind: 'gone', oldest: '' });
      expect(await log.read('t:1', '9999999999999999', 9)).toEqual({ kind: 'gone', oldest: event?.id });
      expect(await log.read('t:1', 'nonsense', 9)).toEqual({ kind: 'gone', oldest: event?.id });
    });

    it('[LO3] an append with one event that is not JSON appends none', async () => {
      const log = await harness.open();
      const append = log.append('t:1', [one, { type: 'bad', data: { at: Number.POSITIVE_INFINITY } }]);
      await expect(append).rejects.toMatchObject({
        code: 'NOT_JSON',
        applied: 'no',
        message: expect.stringContaining('events[1].data.at'),
      });
      expect(await log.last('t:1')).toBe('');
      expect(await log.append('t:1', [])).toEqual([]);
    });

    it('[LO3] events come back as they were given', async () => {
      const log = await harness.open();
      const data = { none: [], empty: {}, text: 'é\u0000🎓', n: 1e21, deep: [[{ a: null }]] };
      await log.append('t:1', [{ type: 'a b', data }]);
      expect(await log.read('t:1', '', 1)).toMatchObject({ events: [{ topic: 't:1', type: 'a b', data }] });
    });

    it('[LO1] topics with hostile names keep to themselves', async () => {
      const log = await harness.open();
      await Promise.all(hostileIds.map((topic) => log.append(topic, [{ type: 'named', data: topic }])));
      for (const topic of hostileIds)
        expect(await log.read(topic, '', 9)).toMatchObject({ events: [{ topic, prev: '', data: topic }] });
    });
  });
}

const one = { type: 'one', data: 1 };
const two = { type: 'two', data: 2 };
const three = { type: 'three', data: 3 };

function counted(n: number) {
  return { type: 'counted', data: n };
}

async function all(log: LogStore, topic: string): Promise<readonly TopicEvent[]> {
  const page = await log.read(topic, '', 10_000);
  if (page.kind !== 'events') throw new Error('reading from the oldest is never gone');
  return page.events;
}
