// A claim without a live connection, against a real server; the client's time is the test's.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ClaimState } from '../src/client.ts';
import { CrankedClock } from './cranked-clock.ts';
import { Stand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await Stand.open();
});
afterAll(() => stand[Symbol.asyncDispose]());

/** A socket that never opens, as behind a proxy that swallows upgrades. */
class MuteSocket extends EventTarget {
  readyState = 0;
  close(): void {}
  send(): void {}
}

async function claimed() {
  const clock = new CrankedClock();
  let isDown = false;
  const flaky: typeof fetch = (input, init) =>
    isDown ? Promise.reject(new TypeError('the network is down')) : fetch(input, init);
  const requests = vi.fn(flaky);
  const tab = await stand.tab('Ada', {
    clock,
    fetch: requests,
    WebSocket: MuteSocket as unknown as typeof WebSocket,
  });
  const { id } = await tab.client.projects.create({ name: 'Press' });
  const { thing: claim, leave } = tab.client.claims.use(id);
  const grant = await claim.claim({ ttlMs: 30_000 });
  const renewals = (): number => requests.mock.calls.filter(([input]) => String(input).endsWith('/renew')).length;
  const kind = (): ClaimState['kind'] => claim.store.get().kind;
  const down = (value: boolean): void => {
    isDown = value;
  };
  return { id, tab, clock, claim, grant, leave, renewals, kind, down };
}

describe('ProjectClaim without a live connection', () => {
  it('[PC3] it is renewed at a third of the term, and stays the same claim', async () => {
    const { clock, claim, grant, renewals } = await claimed();
    clock.advance(9_999);
    expect(renewals()).toBe(0);
    clock.advance(1);
    await vi.waitUntil(() => renewals() === 1);
    await vi.waitUntil(() => clock.waiting.includes(10_000));
    expect(claim.store.get()).toEqual({ kind: 'held', grant });
  });

  it('[PC3] when nobody can vouch for it, it is suspect before its term is over, and held again after an answer', async () => {
    const { clock, kind, down, renewals } = await claimed();
    down(true);
    for (let passedMs = 0; passedMs < 29_000 && kind() === 'held'; passedMs += 500) {
      clock.advance(500);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(kind()).toBe('suspect');
    down(false);
    const before = renewals();
    await vi.waitUntil(() => {
      clock.advance(500);
      return renewals() > before && kind() === 'held';
    });
  });

  it('[PC3] a machine that slept through the term does not believe in its claim', async () => {
    const { clock, kind, down } = await claimed();
    down(true);
    clock.sleep(60_000);
    clock.advance(10_000);
    expect(kind()).toBe('suspect');
  });

  it('[PC2] an answer about a claim that was given up changes nothing', async () => {
    const { clock, claim, kind, renewals } = await claimed();
    clock.advance(10_000);
    await claim.release();
    expect(kind()).toBe('released');
    await vi.waitUntil(() => renewals() === 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(kind()).toBe('released');
  });

  it('[PC1] an abort gives up; the grant that comes after it is given back', async () => {
    const { claim, id, tab, kind } = await claimed();
    await claim.release();
    const stop = new AbortController();
    const again = claim.claim({ signal: stop.signal }).catch((error: unknown) => error);
    await vi.waitUntil(() => kind() === 'claiming');
    const reason = new Error('changed my mind');
    stop.abort(reason);
    expect(await again).toBe(reason);
    expect(kind()).toBe('released');
    expect(await tab.client.projects.isLocked(id)).toBe(false);
  });
});
