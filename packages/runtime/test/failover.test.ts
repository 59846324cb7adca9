// Three processes over Redis and NATS under load, and what can happen to one of them. The long arm,
// with percentiles, is bench/runtime/failover.ts.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type NatsBackend, type RedisBackend, startNats, startRedis } from '../../../test/backends.ts';
import { BUSY_MACHINE_MS, FailoverTrial, FIRST_ANSWER_MS } from './failover.fixture.ts';

let redis: RedisBackend;
let nats: NatsBackend;
let trial: FailoverTrial;
let namespaces = 0;

beforeAll(async () => {
  [redis, nats] = await Promise.all([startRedis(), startNats()]);
});
afterEach(async () => await trial.end());
afterAll(async () => {
  await Promise.all([redis.stop(), nats.stop()]);
});

async function underLoad(more: { readonly proxied?: boolean } = {}): Promise<void> {
  trial = await FailoverTrial.start({ redis: redis.url, nats: nats.url, namespace: `f${++namespaces}`, ...more });
}

const nothingWrong = { lost: 0, doubled: 0, failed: {} };

describe('three processes under load', () => {
  it('[FO1] kill -9 of one after another: first answers come within three seconds and one for a busy machine, every acknowledged tell is in the state once', async () => {
    await underLoad();
    const answers = [...(await trial.kill()), ...(await trial.kill()), ...(await trial.kill())];
    expect(answers.length).toBeGreaterThan(3);
    expect(Math.min(...answers)).toBeGreaterThan(1_000);
    expect(Math.max(...answers)).toBeLessThan(FIRST_ANSWER_MS + BUSY_MACHINE_MS);
    const verdict = await trial.verify();
    expect(verdict).toMatchObject(nothingWrong);
    expect(verdict.acknowledged).toBeGreaterThan(300);
  }, 60_000);

  it('[FO2] SIGTERM: a drained process ends by itself, nobody waits half a second, nothing is lost or doubled', async () => {
    await underLoad();
    const drains = [await trial.drain(), await trial.drain()];
    for (const { longestMs, tookMs } of drains) {
      expect(longestMs).toBeLessThan(500);
      expect(tookMs).toBeLessThan(5_000);
    }
    const { failed, ...verdict } = await trial.verify();
    expect(verdict).toMatchObject({ lost: 0, doubled: 0 });
    // Only calls by way of the process that left may end so, and they did nothing.
    expect(Object.keys(failed).filter((code) => code !== 'NOT_RUNNING')).toEqual([]);
  }, 60_000);

  it('[FO3] SIGSTOP past its lease and a blocked event loop: the others take over, and the one that comes back changes nothing', async () => {
    await underLoad();
    await trial.stopFor(4_000);
    await trial.stall(3_500);
    await trial.stall(700);
    const { failed, ...verdict } = await trial.verify();
    expect(verdict).toMatchObject({ lost: 0, doubled: 0 });
    expect(Object.keys(failed)).toEqual([]);
    expect(verdict.acknowledged).toBeGreaterThan(300);
  }, 60_000);

  it('[FO4] a node cut off from Redis alone answers nothing, and others serve its actors after its lease', async () => {
    await underLoad({ proxied: true });
    const answers = await trial.cutOff('redis', 5_000);
    expect(Math.min(...answers)).toBeGreaterThan(1_000);
    expect(Math.max(...answers)).toBeLessThan(4_500);
    expect(await trial.verify()).toMatchObject(nothingWrong);
  }, 60_000);

  it('[FO4] a node cut off from NATS alone gives its actors up, and has its part again when it is back', async () => {
    await underLoad({ proxied: true });
    const answers = await trial.cutOff('nats', 6_000);
    expect(Math.max(...answers)).toBeLessThan(5_500);
    expect(await trial.verify()).toMatchObject(nothingWrong);
  }, 60_000);

  it('[FO5] a cut, or a stall, shorter than the lease moves no shard', async () => {
    await underLoad({ proxied: true });
    const places = await trial.places();
    await trial.cutOff('redis', 600);
    await trial.cutOff('nats', 600);
    await trial.stall(500);
    expect(await trial.places()).toBe(places);
    expect(await trial.verify()).toMatchObject(nothingWrong);
  }, 60_000);
});
