// Time, chance and sameness of a world.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Stream } from '../../src/simulation/stream.ts';
import { VirtualTime } from '../../src/simulation/time.ts';
import { traceText } from '../../src/simulation/trace.ts';
import { World } from '../../src/simulation/world.ts';
import { Ledger } from '../ledger.fixture.ts';
import { mixed } from './mixed.fixture.ts';

describe('the same seed', () => {
  const seeds = Array.from({ length: 12 }, (_, i) => i + 1);

  it('[SM1] has the same trace to the byte, and no other seed has it', async () => {
    const digests = new Set<string>();
    for (const seed of seeds) {
      const [first, second] = [await mixed.play(await mixed.caseOf(seed)), await mixed.play(await mixed.caseOf(seed))];
      expect(traceText(second.seen.trace)).toBe(traceText(first.seen.trace));
      expect(second.digest()).toBe(first.digest());
      expect(first.seen.trace.length).toBeGreaterThan(200);
      digests.add(first.digest());
    }
    expect(digests.size).toBe(seeds.length);
  });

  it('[SM1] has the same trace in another process, whatever was played there before', async () => {
    const here: string[] = [];
    for (const seed of seeds) here.push((await mixed.play(await mixed.caseOf(seed))).digest());
    const program = fileURLToPath(new URL('digests-process.ts', import.meta.url));
    const backwards = [...seeds].reverse().map(String);
    const args = ['--conditions=@devmentor/source', program, ...backwards];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout.trim().split('\n').reverse()).toEqual(here);
  });
});

describe('streams of chance', () => {
  const draw = (seed: number, name: string): number[] => {
    const stream = new Stream(seed, name);
    return Array.from({ length: 8 }, () => stream.random());
  };

  it('[SM2] one seed gives each name a stream of its own, the same each time', () => {
    expect(draw(1, 'a')).toEqual(draw(1, 'a'));
    const first = [draw(1, 'a'), draw(1, 'b'), draw(2, 'a'), draw(1 + 2 ** 32, 'a')].map(([one]) => one);
    expect(new Set(first).size).toBe(4);
  });

  it('[SM2] draws are spread evenly, and ids are not given twice', () => {
    const stream = new Stream(5, 'even');
    const tens = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const ten = stream.int(10);
      tens[ten] = (tens[ten] ?? 0) + 1;
    }
    for (const count of tens) expect(Math.abs(count - 1_000)).toBeLessThan(150);
    const ids = Array.from({ length: 1_000 }, () => stream.id());
    expect(new Set(ids).size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/);
  });

  it('[SM2] what the workload draws shifts neither the network nor the nodes', async () => {
    const run = async (draws: number): Promise<string> => {
      const world = await World.start({ seed: 4, actors: [Ledger] });
      for (let i = 0; i < draws; i++) world.random.random();
      await world.advance(1_000);
      return world.trace.digest();
    };
    expect(await run(0)).toBe(await run(100));
  });
});

describe('virtual time', () => {
  it('[SM5] what one thing sets off has run to its end before the next, however long its chain of promises', async () => {
    const time = new VirtualTime(() => 0);
    const order: string[] = [];
    time.at(1, () => {
      void (async () => {
        for (let i = 0; i < 5_000; i++) await Promise.resolve();
        order.push('first');
      })();
    });
    time.at(1, () => order.push('second'));
    await time.advance(2);
    expect(order).toEqual(['first', 'second']);
  });

  it('[SM5] things happen when they are due; of one moment timers first, then deliveries as the ties fall', async () => {
    const ties = [0.9, 0.1, 0.5];
    const time = new VirtualTime(() => ties.shift() ?? 0);
    const order: string[] = [];
    const say = (word: string) => (): void => void order.push(`${word} ${time.nowMs}`);
    time.at(7, say('late'));
    for (const word of ['a', 'b', 'c']) time.deliver(5, { to: 'x' }, say(word));
    time.at(5, say('timer'));
    const cancel = time.at(5, say('cancelled'));
    cancel();
    time.at(1, () => {
      say('early')();
      time.soon(say('soon'));
    });
    await time.advance(10);
    expect(order).toEqual(['early 1', 'soon 1', 'timer 5', 'b 5', 'c 5', 'a 5', 'late 7']);
    expect(time.nowMs).toBe(10);
  });

  it('[SM5] thousands of things in a random order happen in order', async () => {
    const time = new VirtualTime(() => 0);
    const stream = new Stream(1, 'times');
    const happened: number[] = [];
    const cancelled = new Set<number>();
    for (let i = 0; i < 5_000; i++) {
      const dueMs = stream.int(1_000);
      const cancel = time.at(dueMs, () => {
        happened.push(time.nowMs);
        expect(cancelled.has(i)).toBe(false);
      });
      if (stream.int(4) === 0) {
        cancelled.add(i);
        cancel();
      }
    }
    await time.advance(1_000);
    expect(happened).toEqual([...happened].sort((a, b) => a - b));
    expect(happened.length).toBe(5_000 - cancelled.size);
  });

  it('[SM5] several may wait for time, each for its own moment; what throws ends the waiting', async () => {
    const time = new VirtualTime(() => 0);
    const order: string[] = [];
    await Promise.all([
      time.advance(20).then(() => order.push(`b ${time.nowMs}`)),
      time.advance(10).then(() => order.push(`a ${time.nowMs}`)),
    ]);
    expect(order).toEqual(['a 10', 'b 20']);
    await expect(time.run(new Promise(() => {}), 50)).rejects.toThrow('did not settle within 50 ms');
    time.at(time.nowMs + 5, () => {
      throw new Error('a bug');
    });
    await expect(time.advance(10)).rejects.toThrow('a bug');
    await time.advance(10);
  });

  it('[SM5] time stands still while something outside the world is to answer', async () => {
    const time = new VirtualTime(() => 0);
    let answer = (_: string): void => {};
    const real = new Promise<string>((resolve) => {
      answer = resolve;
    });
    const heard: string[] = [];
    time.at(1, () => void time.outside(real).then((said) => heard.push(`${said} at ${time.nowMs}`)));
    const waiting = time.advance(10);
    await new Promise<void>((resolve) => void setImmediate(resolve));
    expect([heard, time.nowMs]).toEqual([[], 1]);
    answer('real');
    await waiting;
    expect([heard, time.nowMs]).toEqual([['real at 1'], 10]);
  });
});

describe('an idle world', () => {
  it('[SM16] is cheap: a node has fewer than 40 things happen to it in a second', async () => {
    const world = await World.start({ seed: 1, actors: [Ledger] });
    await world.advance(1_000);
    const before = world.events;
    await world.advance(10_000);
    const each = (world.events - before) / 10 / world.nodes.length;
    expect(each).toBeLessThan(40);
  });
});
