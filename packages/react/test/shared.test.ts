import { describe, expect, it } from 'vitest';
import { Stopwatch } from '../src/clock.ts';
import { Shared } from '../src/shared.ts';
import { CrankedClock } from './cranked-clock.ts';

function counted() {
  const clock = new CrankedClock();
  const log: string[] = [];
  const shared = new Shared<string>({
    clock,
    lingerMs: 250,
    make: (key) => {
      log.push(`made ${key}`);
      return key;
    },
    end: (_, key) => log.push(`ended ${key}`),
  });
  return { clock, log, shared };
}

describe('Shared', () => {
  it('[R1] it ends a moment after the last user left, not the first', () => {
    const { clock, log, shared } = counted();
    const [one, two] = [shared.use('a'), shared.use('a')];
    one.leave();
    clock.advance(1_000);
    expect(log).toEqual(['made a']);
    two.leave();
    clock.advance(249);
    expect(shared.peek('a')).toBe('a');
    clock.advance(1);
    expect(log).toEqual(['made a', 'ended a']);
    expect(shared.peek('a')).toBeUndefined();
  });

  it('[R1] who comes within the moment takes it over', () => {
    const { clock, log, shared } = counted();
    shared.use('a').leave();
    clock.advance(200);
    shared.use('a');
    clock.advance(1_000);
    expect(log).toEqual(['made a']);
  });

  it('[R2] leaving twice is leaving once', () => {
    const { clock, log, shared } = counted();
    const [one] = [shared.use('a'), shared.use('a')];
    one.leave();
    one.leave();
    clock.advance(1_000);
    expect(log).toEqual(['made a']);
  });
});

describe('Stopwatch', () => {
  it('counts the time that the machine slept', () => {
    const clock = new CrankedClock();
    const watch = new Stopwatch(clock);
    clock.advance(1_000);
    clock.sleep(60_000);
    expect(watch.elapsedMs()).toBe(61_000);
  });
});
