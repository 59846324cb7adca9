// Delays over a time in which nobody lives: sixty days, and less.
import { systemClock } from '@devmentor/locks';
import { SimulatedClock, seededEntropy } from '@devmentor/locks/testing';
import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, assign, forwardTo, setup } from 'xstate';
import { reckoned } from '../src/delay-policy.ts';
import {
  type ActorId,
  createRuntime,
  type DelayPolicy,
  defineActor,
  MemoryStateStore,
  type StateStore,
} from '../src/index.ts';
import { Timers } from '../src/timers.ts';
import { Counter } from './counter.fixture.ts';
import { redisOfThisFile } from './redis-stores.fixture.ts';
import { solo } from './solo.fixture.ts';
import { MovedClock, sqliteOfThisFile } from './sqlite-stores.fixture.ts';

const DAY_MS = 86_400_000;
const LONG_MS = 60 * DAY_MS;

const sqlite = sqliteOfThisFile();
const redis = redisOfThisFile();

/** A store that tells its nodes a time that is so far ahead of its own. */
function ahead(store: StateStore, byMs: () => number): StateStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (name === 'pending')
        return async (...given: Parameters<StateStore['pending']>) => {
          const answered = await target.pending(...given);
          return answered.kind === 'pending' ? { ...answered, nowMs: answered.nowMs + byMs() } : answered;
        };
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

interface Movable {
  readonly state: StateStore;
  move(byMs: number): void;
}

const stores: Readonly<Record<string, () => Promise<Movable>>> = {
  memory: async () => {
    const clock = new MovedClock();
    return { state: new MemoryStateStore({ clock, shards: 4 }), move: (byMs) => clock.move(byMs) };
  },
  SQLite: async () => ({ state: (await sqlite.stores({ shards: 4 })).state, move: (byMs) => sqlite.clock.move(byMs) }),
  Redis: async () => {
    let byMs = 0;
    const { state } = await redis.stores({ shards: 4 });
    return {
      state: ahead(state, () => byMs),
      move: (more) => {
        byMs += more;
      },
    };
  },
};

for (const [name, open] of Object.entries(stores)) {
  it(`[TM6] a delay of sixty days, its process dead meanwhile, ends once, late, and never before its time (${name})`, async () => {
    const { state, move } = await open();
    const lives = async <T>(work: (counter: ReturnType<typeof named>) => Promise<T>): Promise<T> => {
      const runtime = createRuntime({ actors: [Counter], state, clock: systemClock });
      await runtime.start();
      try {
        return await work(named(runtime));
      } finally {
        await runtime.stop();
      }
    };
    const named = (runtime: ReturnType<typeof createRuntime>) => runtime.actor(Counter, 'a');
    await lives(async (counter) => {
      await counter.tell({ type: 'arm', delayMs: LONG_MS });
      await counter.tell({ type: 'add', by: 1 });
      expect((await counter.read()).value).toBe('armed');
    });
    move(LONG_MS - DAY_MS);
    await lives(async (counter) => {
      await counter.tell({ type: 'add', by: 1 });
      expect((await counter.read()).value).toBe('armed');
    });
    move(3 * DAY_MS);
    await lives(async (counter) => {
      await expect.poll(async () => (await counter.read()).context.alarms).toBe(1);
      const { context } = await counter.read();
      expect(context.lateBy).toBeGreaterThan(2 * DAY_MS - 60_000);
      expect(context.lateBy).toBeLessThan(2 * DAY_MS + 60_000);
    });
    move(LONG_MS);
    await lives(async (counter) => {
      await counter.tell({ type: 'add', by: 1 });
      expect((await counter.read()).context).toMatchObject({ alarms: 1, total: 3 });
    });
  }, 20_000);
}

describe('policies', () => {
  const region = <const Delay extends string>(delay: Delay) => ({
    initial: 'idle' as const,
    states: {
      idle: { on: { start: 'running' } },
      running: { after: { [delay]: { target: 'over', actions: { type: 'end' as const, params: { delay } } } } },
      over: {},
    },
  });
  const machine = setup({
    types: {} as { context: { ends: readonly string[] }; events: { type: 'start' } | { type: 'touch' } },
    delays: { kept: 10_000, left: 10_000, anew: 10_000 },
    actions: {
      end: assign({ ends: ({ context }, { delay }: { delay: string }) => [...context.ends, delay] }),
    },
  }).createMachine({
    context: { ends: [] },
    type: 'parallel',
    states: { kept: region('kept'), left: region('left'), anew: region('anew') },
    on: { touch: { actions: assign({}) } },
  });
  const Delayed = defineActor('delayed', { machine, delays: { kept: 'deadline', left: 'remaining', anew: 'restart' } });

  /** Runs four seconds, is down for as long as told, and runs on; answers what has ended by when, in seconds. */
  async function downFor(seconds: number, ending: 'stop' | 'drain') {
    const node = await solo([Delayed]);
    await node.run(node.runtime.actor(Delayed, 'a').tell({ type: 'start' }));
    await node.clock.advance(4_000);
    await node.run(node.runtime[ending]());
    await node.clock.advance(seconds * 1_000);
    await node.restart();
    const ends: Record<string, number> = {};
    for (let second = 0; second <= 16; second++) {
      const { context } = await node.run(node.runtime.actor(Delayed, 'a').read());
      for (const delay of context.ends) ends[delay] ??= second;
      if (second === 3) await node.run(node.runtime.actor(Delayed, 'a').tell({ type: 'touch' }));
      await node.clock.advance(1_000 - (node.clock.nowMs() % 1));
    }
    return ends;
  }

  it('[TM7] after a long downtime: `deadline` ends at once, `remaining` after what was left, `restart` after all of it', async () => {
    const ends = await downFor(300, 'drain');
    expect(ends.kept).toBeLessThanOrEqual(1);
    expect(ends.left).toBeGreaterThanOrEqual(6);
    expect(ends.left).toBeLessThanOrEqual(7);
    expect(ends.anew).toBeGreaterThanOrEqual(10);
    expect(ends.anew).toBeLessThanOrEqual(11);
  });

  it('[TM7] a process that ended without a word served until its last beat, two seconds before at most', async () => {
    const ends = await downFor(300, 'stop');
    expect(ends.left).toBeGreaterThanOrEqual(6);
    expect(ends.left).toBeLessThanOrEqual(9);
  });

  it('[TM7] a downtime no longer than a failover restarts nothing', async () => {
    const ends = await downFor(3, 'drain');
    expect(ends.kept).toBeLessThanOrEqual(4);
    expect(ends.anew).toBeLessThanOrEqual(4);
    expect(ends.left).toBeGreaterThanOrEqual(6);
  });

  it('[TM7] windows before the record was written, or after the delay had ended, do not count', () => {
    const row = { id: 't', generation: 1, dueAtMs: 1_000, event: null };
    const kept = { policy: 'remaining', delayMs: 500 } as const;
    expect(reckoned(row, kept, [{ fromMs: 100, toMs: 400 }], 400)).toBe(row);
    expect(reckoned(row, kept, [{ fromMs: 1_200, toMs: 9_000 }], 500)).toBe(row);
    expect(reckoned(row, kept, [{ fromMs: 100, toMs: 800 }], 600).dueAtMs).toBe(1_200);
    expect(
      reckoned(
        row,
        kept,
        [
          { fromMs: 600, toMs: 700 },
          { fromMs: 1_050, toMs: 2_000 },
        ],
        500,
      ).dueAtMs,
    ).toBe(2_050);
  });

  it('[TM7] delays of machines below, two generations of them, keep to their policies', async () => {
    const parentOf = (child: AnyStateMachine) =>
      setup({ types: {} as { events: { type: 'start' } | { type: 'touch' } }, actors: { child } }).createMachine({
        invoke: { src: 'child', id: 'child' },
        on: { '*': { actions: forwardTo('child') } },
      });
    const Elder = defineActor('delayed', {
      machine: parentOf(parentOf(machine)),
      delays: { kept: 'deadline', left: 'remaining', anew: 'restart' },
      lint: { silence: ['invoke-without-on-error'] },
    });
    const node = await solo([Elder]);
    const elder = () => node.runtime.actor(Elder, 'a');
    await node.run(elder().tell({ type: 'start' }));
    await node.clock.advance(4_000);
    await node.run(node.runtime.drain());
    const due = async (): Promise<Record<string, number>> => {
      const { timers = [] } = (await node.state.peek(elder().id)) ?? {};
      const named = timers.map(({ event, dueAtMs }) => [
        /xstate\.after\.(\w+)/.exec(JSON.stringify(event))?.[1],
        dueAtMs - node.clock.wallMs(),
      ]);
      return Object.fromEntries(named) as Record<string, number>;
    };
    await node.clock.advance(300_000);
    await node.restart();
    // The first commit after it stores how the delays stand.
    await node.run(elder().tell({ type: 'touch' }));
    const { kept, left = 0, anew = 0 } = await due();
    expect(kept).toBeUndefined();
    expect(left).toBeGreaterThan(5_000);
    expect(left).toBeLessThan(6_100);
    expect(anew).toBeGreaterThan(9_000);
    expect(anew).toBeLessThan(10_100);
  });

  it('[TM7] a policy for a delay that the machine has not is a mistake', () => {
    const delays: Record<string, DelayPolicy> = { gone: 'restart' };
    expect(() => defineActor('delayed', { machine, delays })).toThrow("'gone' is no delay");
  });
});

describe('catching up', () => {
  it('[TI3] what fell due long ago is woken a few at a time, and all of it', async () => {
    const clock = new SimulatedClock();
    const woken: number[] = [];
    const timers = new Timers(clock, seededEntropy(7), () => woken.push(clock.nowMs()));
    for (let i = 0; i < 1_000; i++) timers.set(`t:${i}` as ActorId, 0);
    await clock.advance(0);
    expect(woken).toHaveLength(64);
    await clock.advance(500);
    expect(woken).toHaveLength(1_000);
    expect(Math.max(...woken)).toBeGreaterThan(50);
    const pauses = new Set([...new Set(woken)].map((at, i, all) => at - (all[i - 1] ?? 0)).slice(1));
    expect(pauses.size).toBeGreaterThan(5);
  });
});
