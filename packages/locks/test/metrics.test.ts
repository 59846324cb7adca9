import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryGuard, SqlGuard } from '../src/guards.ts';
import { Histogram } from '../src/histogram.ts';
import { fenceOf, prometheusText } from '../src/index.ts';
import { MemoryLeaseStore, MemoryLockManager } from '../src/memory.ts';
import { SimulatedClock, seededEntropy } from '../src/testing.ts';

const press = 'project:press';

let clock: SimulatedClock;
let locks: MemoryLockManager;

beforeEach(() => {
  clock = new SimulatedClock();
  const store = new MemoryLeaseStore({ clock });
  locks = new MemoryLockManager({ store, clock, entropy: seededEntropy(1) });
});

describe('what a manager counts', () => {
  it('[MT1] claims by result, releases by outcome, losses by reason', async () => {
    const lease = await locks.acquire(press, { holder: { id: 'ada' }, requestId: 'once' });
    await locks.tryAcquire(press, { holder: { id: 'bob' } });
    expect(locks.metrics.snapshot()).toMatchObject({ claims: { granted: 1, busy: 1 }, holding: 1 });
    await lease.release();
    await locks.tryAcquire(press, { holder: { id: 'ada' }, requestId: 'once' });
    const lapses = await locks.acquire(press, { ttlMs: 1_000, renew: 'manual' });
    await clock.advance(1_000);
    await lapses.release();
    await locks.close();
    await locks.tryAcquire(press);
    expect(locks.metrics.snapshot()).toMatchObject({
      claims: { granted: 2, busy: 1, gone: 1, unavailable: 1 },
      releases: { released: 1, expired: 1 },
      losses: { expired: 1, superseded: 0 },
      holding: 0,
    });
  });

  it('[MT2] how long claims waited, and leases were held', async () => {
    const first = await locks.acquire(press, { holder: { id: 'ada' } });
    const waiting = locks.acquire(press, { holder: { id: 'bob' }, waitMs: 60_000 });
    await clock.advance(3_000);
    await first.release();
    await clock.settle();
    await (await waiting).release();
    const { wait, hold } = locks.metrics.snapshot();
    expect(wait).toMatchObject({ count: 1, sumMs: 3_000, maxMs: 3_000 });
    expect(hold).toMatchObject({ count: 2, sumMs: 3_000 });
  });

  it('[MT3] how long renewals took, and what was left of the lease then', async () => {
    await locks.acquire(press, { ttlMs: 30_000 });
    await clock.advance(30_000);
    const { renew, remainingAtRenew } = locks.metrics.snapshot();
    expect(renew.count).toBeGreaterThanOrEqual(3);
    expect(renew.count).toBeLessThanOrEqual(4);
    expect(remainingAtRenew.count).toBe(renew.count);
    expect(remainingAtRenew.sumMs / renew.count).toBeGreaterThan(19_000);
  });

  it('[MT4] how long the process stood still, and writes that its guards turned away', async () => {
    await locks.acquire(press, { ttlMs: 3_000 });
    clock.stall(5_000);
    await clock.advance(1_000);
    const { metrics } = locks;
    const memory = new MemoryGuard({ metrics });
    memory.admit('doc', fenceOf(2));
    memory.admit('doc', fenceOf(1));
    const sql = new SqlGuard({ dialect: 'sqlite', metrics });
    const db = new DatabaseSync(':memory:');
    const run = (text: string, values: readonly unknown[]) => db.prepare(text).all(...(values as string[]));
    db.exec(sql.tableDdl);
    await sql.admit(run, 'doc', fenceOf(2));
    await sql.admit(run, 'doc', fenceOf(1));
    const { stall, staleWrites, losses } = locks.metrics.snapshot();
    expect(stall.count).toBe(1);
    expect(stall.maxMs).toBeGreaterThan(3_500);
    expect(staleWrites).toBe(2);
    expect(losses.expired).toBe(1);
  });

  it('[MT5] is told as text that Prometheus reads', async () => {
    const lease = await locks.acquire(press);
    await lease.release();
    const text = prometheusText(locks.metrics.snapshot(), { app: 'a "b"\n' });
    expect(text).toContain('# TYPE devmentor_locks_claims_total counter\n');
    expect(text).toContain('devmentor_locks_claims_total{app="a \\"b\\"\\n",result="granted"} 1\n');
    expect(text).toContain('devmentor_locks_hold_seconds_bucket{app="a \\"b\\"\\n",le="+Inf"} 1\n');
    expect(text).toContain('devmentor_locks_hold_seconds_count{app="a \\"b\\"\\n"} 1\n');
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{.*\})? [0-9.e+-]+|.*le="\+Inf".* \d+)$/);
  });

  it('[MT6] keeps durations by powers of two, cumulated, in a fixed number of buckets', () => {
    const histogram = new Histogram();
    for (const ms of [-5, 0, 0.125, 0.126, 0.25, 0.3, 1, 1.01, 10 ** 12]) histogram.add(ms);
    const { buckets, count, maxMs } = histogram.snapshot();
    expect(count).toBe(9);
    expect(maxMs).toBe(10 ** 12);
    expect(buckets).toHaveLength(28);
    const upTo = (leMs: number) => buckets.find((bucket) => bucket.leMs === leMs)?.count;
    expect([upTo(0.125), upTo(0.25), upTo(0.5), upTo(1), upTo(2), upTo(Number.POSITIVE_INFINITY)]).toEqual([
      3, 5, 6, 7, 8, 9,
    ]);
  });
});
