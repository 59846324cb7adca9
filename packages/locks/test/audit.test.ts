import { beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../src/index.ts';
import { MemoryLeaseStore, MemoryLockManager } from '../src/memory.ts';
import { SimulatedClock, seededEntropy } from '../src/testing.ts';

const ada = { id: 'ada', name: 'Ada' };
const bob = { id: 'bob' };

let clock: SimulatedClock;
let store: MemoryLeaseStore;
let locks: MemoryLockManager;

beforeEach(() => {
  clock = new SimulatedClock();
  store = new MemoryLeaseStore({ clock });
  locks = new MemoryLockManager({ store, clock, entropy: seededEntropy(1) });
});

/** Follows the audit until it is stopped. */
function follow(after?: string): { readonly records: AuditRecord[]; stop(): Promise<void> } {
  const records: AuditRecord[] = [];
  const caller = new AbortController();
  const options = { signal: caller.signal, ...(after === undefined ? {} : { after }) };
  const following = (async () => {
    for await (const record of locks.audit(options)) records.push(record);
  })();
  return {
    records,
    stop: async () => {
      await clock.settle();
      caller.abort();
      await clock.settle();
      await following;
    },
  };
}

describe('the audit', () => {
  it('[AU1] tells every transition of every resource: who, by whom, under which fence, why and when', async () => {
    const stream = follow();
    const resources = Array.from({ length: 8 }, (_, n) => `project:${n}`);
    for (const resource of resources) {
      const lease = await locks.acquire(resource, { holder: ada });
      await clock.advance(5);
      await locks.force(resource, { by: bob, reason: `for ${resource}` });
      await clock.advance(5);
      expect(lease.valid).toBe(false);
    }
    await stream.stop();
    expect(new Set(resources.map((resource) => store.bucketOf(resource))).size).toBeGreaterThan(1);
    expect(
      stream.records.map((record) =>
        record.kind === 'entry'
          ? [record.resource, record.type, record.how, record.who.id, record.by?.id, record.from?.id, record.reason]
          : record,
      ),
    ).toEqual(
      resources.flatMap((resource) => [
        [resource, 'claimed', undefined, 'ada', undefined, undefined, undefined],
        [resource, 'released', 'revoked', 'ada', 'bob', undefined, `for ${resource}`],
        [resource, 'taken-over', 'forced', 'bob', undefined, 'ada', `for ${resource}`],
      ]),
    );
    const [first] = stream.records;
    expect(first).toMatchObject({ kind: 'entry', at: 1_700_000_000_000, fence: expect.stringMatching(/^\d{16}$/) });
    expect(JSON.stringify(stream.records)).not.toContain('leaseId');
  });

  it('[AU2] goes on after any record, in another process too, without losing or repeating one', async () => {
    const whole = follow();
    for (let n = 0; n < 12; n += 1) {
      const lease = await locks.acquire(`r${n % 5}`, { holder: ada });
      await clock.advance(1);
      await lease.release();
      await clock.advance(1);
    }
    await whole.stop();
    expect(whole.records).toHaveLength(24);
    for (const at of [0, 1, 7, 22]) {
      const rest = follow(whole.records[at]?.cursor);
      await clock.advance(2_000);
      await rest.stop();
      expect(rest.records).toEqual(whole.records.slice(at + 1));
    }
  });

  it('[AU2] says where transitions are missing, once, and goes on', async () => {
    const first = follow();
    await (await locks.acquire('press', { holder: ada })).release();
    await first.stop();
    const cursor = first.records.at(-1)?.cursor;
    await (await locks.acquire('press', { holder: bob })).release();
    await clock.advance(700_000);
    await (await locks.acquire('press', { holder: ada })).release();
    const second = follow(cursor);
    await second.stop();
    expect(second.records.map(({ kind }) => kind)).toEqual(['gap', 'entry', 'entry']);
    expect(second.records[0]).toMatchObject({ bucket: store.bucketOf('press') });
    const third = follow(second.records[0]?.cursor);
    await third.stop();
    expect(third.records).toEqual(second.records.slice(1));
  });

  it('[AU2] refuses a cursor of another log, and names the fix', async () => {
    for (const after of ['', 'x.y', '0'.repeat(40), Array.from({ length: 16 }, () => '-').join('.')])
      await expect(locks.audit({ after }).next()).rejects.toMatchObject({ code: 'LOCK_CONFIG', applied: 'no' });
  });

  it('[AU3] ends with its signal, with the manager, or when it is left, and leaves no timer', async () => {
    const stream = follow();
    await clock.advance(10);
    await locks.acquire('press', { holder: ada });
    for await (const record of locks.audit()) {
      expect(record.kind).toBe('entry');
      break;
    }
    await locks.close();
    await clock.settle();
    await stream.stop();
    expect(clock.pending).toBe(0);
  });

  it('[AU4] calls people as `redact` does, and so do errors; answers to who asks stay as they are', async () => {
    const secret = { id: 'ada', name: 'Ada Lovelace' };
    const other = { id: 'bob', name: 'Bob Boole' };
    const redact = ({ id }: { readonly id: string }) => ({ id: `user-${id.length}` });
    locks = new MemoryLockManager({ store, clock, entropy: seededEntropy(2), redact });
    const stream = follow();
    await locks.acquire('project:1', { holder: secret, meta: { mail: 'Ada' } });
    await locks.acquire('project:2', { holder: secret });
    void locks.requestTakeover('project:1', { by: other, reason: 'my turn', graceMs: 9_000 });
    await clock.settle();
    const doc = locks.readWrite('doc');
    await doc.write({ holder: secret });
    const refused = await Promise.all(
      [
        locks.acquire('project:1', { holder: { id: 'cyd' } }),
        locks.acquireAll(['project:1', 'free'], { holder: { id: 'cyd' } }),
        doc.read({ holder: { id: 'cyd' } }),
        locks.semaphore('gpu', { permits: 1 }).acquire({ waitMs: 0, holder: secret }),
      ].map((asked) => asked.then(String, (error: Error) => [error.message, JSON.stringify(error)].join())),
    );
    await locks.force('project:2', { by: other, reason: 'an audit' });
    await stream.stop();
    const written = JSON.stringify([refused, stream.records]);
    expect(written).toContain('user-3');
    expect(written).not.toMatch(/ada|lovelace|bob/i);
    expect(await locks.inspect('project:1')).toMatchObject({ holder: secret, breaking: { by: other } });
    expect(await locks.tryAcquire('project:1', { holder: { id: 'cyd' } })).toMatchObject({ holder: secret });
  });
});
