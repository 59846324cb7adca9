// What every RecordStore does; the rules are those of record-store.ts.
import { describe, expect, it } from 'vitest';
import type { RecordStore } from './record-store.ts';
import type { StoreHarness } from './store-contract.fixtures.ts';
import { hostileIds } from './store-contract.fixtures.ts';

/** How the suite opens an empty store, and lets its time pass. */
export type RecordStoreHarness = StoreHarness<RecordStore>;

/** Tests, for vitest, that any `RecordStore` passes. */
export function recordStoreContract(harness: RecordStoreHarness): void {
  describe('RecordStore contract', () => {
    it('[RS1] versions of a key rise, over a delete and a lapse too', async () => {
      const store = await harness.open();
      const first = await written(store, 'k', 1);
      const second = await written(store, 'k', 2);
      await store.delete('k');
      const third = await written(store, 'k', 3, { ttlMs: 50 });
      await harness.elapse(80);
      const fourth = await written(store, 'k', 4);
      expect([first, second, third, fourth]).toEqual(
        [...new Set([first, second, third, fourth])].toSorted((a, b) => a - b),
      );
      expect(await store.get('k')).toEqual({ value: 4, version: fourth });
    });

    it('[RS2] a put whose expectation does not fit is a conflict and changes nothing', async () => {
      const store = await harness.open();
      expect(await store.put('k', 0, { expects: 1 })).toEqual({ kind: 'conflict' });
      const version = await written(store, 'k', 1);
      expect(await store.put('k', 2, { expects: 'absent' })).toEqual({ kind: 'conflict' });
      expect(await store.put('k', 2, { expects: version - 1 })).toEqual({ kind: 'conflict' });
      expect(await store.get('k')).toEqual({ value: 1, version });
      expect((await store.put('k', 3, { expects: version })).kind).toBe('written');
    });

    it('[RS2] of many puts on one version, one is written', async () => {
      const store = await harness.open();
      const puts = await Promise.all(Array.from({ length: 20 }, (_, n) => store.put('k', n, { expects: 'absent' })));
      expect(puts.filter(({ kind }) => kind === 'written')).toHaveLength(1);
    });

    it('[RS3] a record with a term lapses, a later put without one keeps it', async () => {
      const store = await harness.open();
      await written(store, 'short', 1, { ttlMs: 100 });
      await written(store, 'kept', 1, { ttlMs: 100 });
      await written(store, 'kept', 2);
      expect((await store.get('short'))?.value).toBe(1);
      await harness.elapse(150);
      expect(await store.get('short')).toBeUndefined();
      expect((await store.get('kept'))?.value).toBe(2);
      expect((await store.list('', { limit: 10 })).map(({ key }) => key)).toEqual(['kept']);
      expect((await store.put('short', 2, { expects: 'absent' })).kind).toBe('written');
    });

    it('[RS3] a record that was kept after all is listed when its first term is over', async () => {
      const store = await harness.open({ shards: 1 });
      await written(store, 'kept', 1, { ttlMs: 60 });
      await written(store, 'kept', 2);
      await harness.elapse(100);
      await written(store, 'other', 1);
      expect((await store.list('', { limit: 9 })).map(({ key }) => key)).toEqual(['kept', 'other']);
    });

    it('[RS4] a listing is every key under the prefix, once, in order, over pages', async () => {
      const store = await harness.open();
      const keys = Array.from({ length: 57 }, (_, n) => `session:${String(n).padStart(2, '0')}`);
      await Promise.all([...keys, 'sessio', 'session;', 'sessiom:1'].map((key) => written(store, key, key)));
      const listed: string[] = [];
      for (let page = await store.list('session:', { limit: 10 }); page.length > 0; ) {
        for (const { key, value } of page) expect(value).toBe(key);
        listed.push(...page.map(({ key }) => key));
        page = await store.list('session:', { after: listed.at(-1) ?? '', limit: 10 });
      }
      expect(listed).toEqual(keys);
    });

    it('[RS4] keys are in the order of their bytes', async () => {
      const store = await harness.open();
      const keys = ['a', 'b', 'é', '\uffee', '🎓', 'a:', 'a*', 'a[b]', '{x}'];
      await Promise.all(keys.map((key) => written(store, key, key)));
      const inBytes = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect((await store.list('', { limit: 100 })).map(({ key }) => key)).toEqual(inBytes);
      expect((await store.list('a*', { limit: 100 })).map(({ key }) => key)).toEqual(['a*']);
    });

    it('[RS4] a deleted key is not listed', async () => {
      const store = await harness.open();
      await written(store, 'a', 1);
      await written(store, 'b', 1);
      await store.delete('a');
      await store.delete('never');
      expect((await store.list('', { limit: 9 })).map(({ key }) => key)).toEqual(['b']);
      expect(await store.get('a')).toBeUndefined();
    });

    it('[RS5] a value that is not JSON or too large, and a bad key, are named', async () => {
      const store = await harness.open();
      const put = (key: string, value: unknown) => store.put(key, value as never, { expects: 'any' });
      await expect(put('k', { at: new Date(0) })).rejects.toMatchObject({
        code: 'NOT_JSON',
        applied: 'no',
        message: expect.stringContaining('value.at'),
      });
      await expect(put('k', 'x'.repeat(256 * 1024))).rejects.toMatchObject({ code: 'TOO_LARGE', applied: 'no' });
      await expect(put('', 1)).rejects.toMatchObject({ code: 'ID_REJECTED' });
      await expect(put('\ud800', 1)).rejects.toMatchObject({ code: 'ID_REJECTED' });
      expect(await store.list('', { limit: 9 })).toEqual([]);
    });

    it('[RS1] hostile keys keep to themselves and to their values', async () => {
      const store = await harness.open();
      const values = hostileIds.map((key) => [key, { key, none: [], empty: {} }] as const);
      await Promise.all(values.map(([key, value]) => written(store, key, value)));
      for (const [key, value] of values) expect((await store.get(key))?.value).toEqual(value);
      expect(await store.list('', { limit: 100 })).toHaveLength(values.length);
    });
  });
}

async function written(
  store: RecordStore,
  key: string,
  value: Parameters<RecordStore['put']>[1],
  options: { readonly ttlMs?: number } = {},
): Promise<number> {
  const outcome = await store.put(key, value, { expects: 'any', ...options });
  if (outcome.kind !== 'written') throw new Error('a put that expects anything is written');
  return outcome.version;
}
