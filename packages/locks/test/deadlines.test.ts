import { describe, expect, it } from 'vitest';
import { ChurningMap } from '../src/churning-map.ts';
import { SimulatedClock } from '../src/clock.simulated.ts';
import { Deadlines } from '../src/deadlines.ts';

describe('deadlines', () => {
  it('[RL2] tells of each that is not met, when it is due, and of none that is met', async () => {
    const clock = new SimulatedClock();
    const deadlines = new Deadlines(clock, 1_000);
    const startMs = clock.nowMs();
    const late: [string, number][] = [];
    const set = (name: string) => deadlines.set(() => late.push([name, clock.nowMs() - startMs]));
    set('first');
    await clock.advance(400);
    const second = set('second');
    set('third');
    await clock.advance(500);
    deadlines.meet(second);
    set('fourth');
    await clock.advance(5_000);
    expect(late.map(([name, ms]) => [name, Math.round(ms)])).toEqual([
      ['first', 1_000],
      ['third', 1_400],
      ['fourth', 1_900],
    ]);
    expect(clock.pending).toBe(0);
  });

  it('[RL2] one timer looks after all, and is let go of at the end', async () => {
    const clock = new SimulatedClock();
    const deadlines = new Deadlines(clock, 1_000);
    for (let n = 0; n < 100; n += 1) deadlines.meet(deadlines.set(() => expect.unreachable()));
    deadlines.set(() => expect.unreachable());
    expect(clock.pending).toBe(1);
    deadlines.close();
    expect(clock.pending).toBe(0);
    await clock.advance(5_000);
  });
});

describe('a map of what comes and goes', () => {
  it('keeps what it was given, however much came and went', () => {
    const map = new ChurningMap<number, string>();
    for (let n = 0; n < 5_000; n += 1) {
      map.set(n, `${n}`);
      if (n >= 10) map.delete(n - 10);
    }
    map.delete(-1);
    expect(map.size).toBe(10);
    expect([...map.values()]).toEqual(Array.from({ length: 10 }, (_, n) => `${4_990 + n}`));
    expect([map.get(4_995), map.has(4_995), map.has(4_000)]).toEqual(['4995', true, false]);
  });
});
