// Commands that come of a machine, and the machine as the judge of its actors.
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { assign, setup } from 'xstate';
import { defineActor, durable, reply, returns, tell } from '../../src/index.ts';
import {
  actorSimulation,
  asTheMachine,
  type Command,
  type CommandOptions,
  commands,
  type EventSources,
  eventTypes,
  explore,
  type Fault,
  faultPlan,
  playCommands,
  replay,
  SimulationFailure,
  simulate,
} from '../../src/simulation/index.ts';
import { Counter } from '../counter.fixture.ts';
import { Ledger } from '../ledger.fixture.ts';
import { Desk, type DeskEvent, deskMachine } from './desk.fixture.ts';

const events: EventSources<typeof Desk> = {
  sit: fc.record({ who: fc.constantFrom('ann', 'bob') }),
  note: fc.record({ text: fc.constantFrom('x', 'y') }),
};
/** A machine that keeps reply addresses keeps what no other run has. */
const looks = ({ context, ...view }: { readonly context: unknown }): unknown => {
  const { waiting, ...rest } = context as { readonly waiting: readonly string[] };
  return { ...view, ...rest, waiting: waiting.length };
};
const never = (): boolean => false;

const drawn = (options: CommandOptions<typeof Desk>): readonly Command<typeof Desk>[] =>
  fc.sample(commands(Desk, options), { numRuns: 40, seed: 1 }).flat();
const typesIn = (steps: readonly Command<typeof Desk>[]): readonly string[] =>
  [...new Set(steps.map(({ event }) => (event === 'read' ? event : event.type)))].sort();

describe('commands of a machine', () => {
  it('[CM1] are the events that its states name, nested and parallel ones too, without wildcards and what XState says itself', () => {
    expect([...eventTypes(Desk)].sort()).toEqual(['await', 'count', 'leave', 'note', 'sit', 'spill', 'switch']);
    expect(typesIn(drawn({ events }))).toEqual([
      ...[...eventTypes(Desk)].sort().slice(0, 4),
      'read',
      'sit',
      'spill',
      'switch',
    ]);
  });

  it('[CM1] leave out what clients never send, have what only a wildcard takes when it is given, and read unless told otherwise', () => {
    const steps = drawn({ events: { ...events, spill: 'never', 'room.aired': fc.constant({}) }, reads: false });
    expect(typesIn(steps)).toEqual(['await', 'count', 'leave', 'note', 'room.aired', 'sit', 'switch']);
  });

  it('[CM2] are as many, for those nodes and keys and until then, as was asked for; and JSON', () => {
    const lists = fc.sample(
      commands(Desk, { events, nodes: 2, keys: ['x', 'y', 'z'], withinMs: 50, least: 5, most: 9 }),
      { numRuns: 50, seed: 1 },
    );
    for (const list of lists) {
      expect(list.length).toBeGreaterThanOrEqual(5);
      expect(list.length).toBeLessThanOrEqual(9);
      expect(JSON.parse(JSON.stringify(list))).toStrictEqual(list);
    }
    const all = lists.flat();
    expect(new Set(all.map(({ node }) => node))).toEqual(new Set([0, 1]));
    expect(new Set(all.map(({ key }) => key))).toEqual(new Set(['x', 'y', 'z']));
    expect(all.every(({ atMs }) => atMs >= 0 && atMs <= 50)).toBe(true);
    const sat = all.flatMap(({ event }) => (event !== 'read' && event.type === 'sit' ? [event] : []));
    expect(new Set(sat.map(({ who }) => who))).toEqual(new Set(['ann', 'bob']));
  });

  it('[CM2] shrink to none', () => {
    const details = fc.check(
      fc.property(commands(Desk, { events }), () => false),
      { seed: 3 },
    );
    expect(details.counterexample).toEqual([[]]);
  });

  it('[CM2] of a machine that takes nothing are refused', () => {
    const Mute = defineActor('mute', { machine: setup({}).createMachine({}) });
    expect(() => commands(Mute)).toThrow("clients may send some event to 'mute'");
  });

  it('[CM3] what an event carries has to be given, as the machine declares it', () => {
    type Given = EventSources<typeof Desk>;
    expectTypeOf<Given['sit']>().toEqualTypeOf<fc.Arbitrary<{ who: string }> | 'never'>();
    expectTypeOf<Command<typeof Desk>['event']>().toEqualTypeOf<DeskEvent | 'read'>();
    expectTypeOf(commands(Desk, { events })).toEqualTypeOf<fc.Arbitrary<readonly Command<typeof Desk>[]>>();
    if (never()) {
      // A part that may be missing need not be drawn.
      commands(Desk, { events: { sit: 'never', note: fc.record({ text: fc.string(), page: fc.nat() }) } });
      // @ts-expect-error events that carry something are not given
      commands(Desk);
      // @ts-expect-error nor here
      commands(Desk, { nodes: 2 });
      // @ts-expect-error one of them is missing
      commands(Desk, { events: { sit: events.sit } });
      // @ts-expect-error a part of one is missing
      commands(Desk, { events: { ...events, note: fc.record({ page: fc.nat() }) } });
      // @ts-expect-error a part of one is of another type
      commands(Desk, { events: { ...events, sit: fc.record({ who: fc.nat() }) } });
      // @ts-expect-error the machine knows no such event
      commands(Desk, { events: { ...events, stand: fc.constant({}) } });
      // @ts-expect-error the same of a whole simulation
      actorSimulation(Desk);
    }
    const Lamp = defineActor('lamp', {
      machine: setup({ types: {} as { events: { type: 'switch' } } }).createMachine({
        on: { switch: { actions: () => {} } },
      }),
      lint: { silence: ['inline-action'] },
    });
    // Without anything to give, nothing has to be given.
    expect(fc.sample(commands(Lamp), 1)).toHaveLength(1);
  });
});

const addMachine = (most: number) =>
  setup({
    types: {} as { context: { total: number }; events: { type: 'add'; by: number } | { type: 'total' } },
  }).createMachine({
    context: { total: 0 },
    on: {
      add: {
        guard: ({ event }) => event.by < 100,
        actions: assign({ total: ({ context, event }) => Math.min(most, context.total + event.by) }),
      },
      total: { actions: reply(({ context }) => context.total) },
    },
  });
const tally = (most: number) =>
  defineActor('tally', { machine: addMachine(most), replies: { total: returns<number>() } });
const Tally = tally(Number.POSITIVE_INFINITY);
type TallyStep = Command<typeof Tally>;
const add = (by: number, atMs: number, node = 0): TallyStep => ({ node, key: 'a', atMs, event: { type: 'add', by } });
const total = (atMs: number, node = 0): TallyStep => ({ node, key: 'a', atMs, event: { type: 'total' } });

const failureOf = async (run: Promise<unknown>): Promise<SimulationFailure> => {
  const thrown: unknown = await run.then(
    () => undefined,
    (fault: unknown) => fault,
  );
  if (thrown instanceof SimulationFailure) return thrown;
  throw new Error('it was to fail', { cause: thrown });
};

describe('playing commands', () => {
  it('[CM4] tells, asks what is answered, reads, and counts a refusal as an answer; in the end everybody reads', async () => {
    const steps: readonly TallyStep[] = [{ ...add(0, 0), event: 'read' }, add(3, 100), add(100, 200, 1), total(300, 2)];
    const { seen } = await simulate({ seed: 1, actors: [Tally] }, (world) =>
      playCommands(world, Tally, [...steps].reverse()),
    );
    const read = (sum: number) => ({ kind: 'state', value: {}, context: { total: sum }, status: 'active' });
    const did = seen.history.operations().map(({ node, key, input, outcome }) => ({
      node,
      key,
      input,
      output: outcome.kind === 'ok' ? outcome.value : outcome.kind,
    }));
    expect(did).toEqual([
      { node: 'n1', key: 'tally:a', input: 'read', output: read(0) },
      { node: 'n1', key: 'tally:a', input: steps[1]?.event, output: { kind: 'committed' } },
      { node: 'n2', key: 'tally:a', input: steps[2]?.event, output: { kind: 'refused', code: 'UNHANDLED_EVENT' } },
      { node: 'n3', key: 'tally:a', input: steps[3]?.event, output: { kind: 'replied', reply: 3 } },
      ...['n1', 'n2', 'n3'].map((node) => ({ node, key: 'tally:a', input: 'read', output: read(3) })),
    ]);
    const began = seen.history.operations().map(({ invokedMs }) => invokedMs);
    expect(began.slice(0, 4).map(Math.round)).toEqual([0, 100, 200, 300]);
  });

  it('[CM4] ends every fault after the last command, and rejects when an actor cannot be read then', async () => {
    const cut: Fault = { kind: 'cut', node: 1, line: 'all', way: 'both', atMs: 0, forMs: 3_600_000 };
    const crash: Fault = { kind: 'crash', node: 0, at: { ms: 50 }, restartAfterMs: 'never' };
    const checks = [asTheMachine(Tally)];
    const { seen } = await simulate({ seed: 1, actors: [Tally], faults: [cut, crash], checks }, (world) =>
      playCommands(world, Tally, [add(1, 0), add(2, 100, 1), add(4, 200, 2)], { deadlineMs: 1_000, lingerMs: 2_000 }),
    );
    expect(seen.endMs).toBeGreaterThan(7_000);
    const broken = simulate({ seed: 1, actors: [Tally] }, async (world) => {
      const heal = world.heal.bind(world);
      world.heal = () => {
        heal();
        world.inflict(cut);
      };
      await playCommands(world, Tally, [add(1, 0)]);
    });
    expect((await failureOf(broken)).message).toContain('n2 cannot read tally:a');
  });
});

describe('the machine as the judge of its actors', () => {
  it('[CM5] what works is never objected to: timers, later answers, steps that throw, under every fault that loses no write', async () => {
    const explored = await explore(actorSimulation(Desk, { events, looks }), { seeds: 60 });
    for (const { failure } of explored.failures) throw failure;
    expect(explored.operations.ok).toBeGreaterThan(1_000);
    expect(explored.faults.struck).toBeGreaterThan(150);
    expect(explored.operations.unknown).toBeGreaterThan(10);
  }, 120_000);

  it.each(['suspend', 'restart', 'stop', 'escalate'] as const)(
    '[CM5] an actor that would %s when it fails does',
    async (directive) => {
      const Clumsy = defineActor('desk', {
        machine: deskMachine,
        replies: { sit: returns(), count: returns() },
        supervise: { directive },
        lint: { silence: ['inline-action', 'never-replies', 'reply-without-event'] },
      });
      const simulation = actorSimulation(Clumsy, {
        events: { ...events, await: 'never' },
        atLeast: { acknowledged: 5 },
        looks,
      });
      const explored = await explore(simulation, { seeds: 15 });
      for (const { failure } of explored.failures) throw failure;
      expect(explored.histories).toBe(15);
    },
  );

  it('[CM6] an answer that no order explains is found, made small, and told with what the machine believed', async () => {
    const Capped = tally(9);
    const simulation = actorSimulation(Capped, { events: { add: fc.record({ by: fc.nat({ max: 5 }) }) } });
    const honest = await simulation.find(1);
    expect(honest.kind).toBe('passed');
    const judged = actorSimulation(Capped, {
      name: 'capped',
      events: { add: fc.record({ by: fc.nat({ max: 5 }) }) },
      checks: [asTheMachine(Tally)],
    });
    const { failures } = await explore(judged, { seeds: 5 });
    const [found] = failures;
    expect(found?.failure.violations.map(({ check }) => check)).toEqual(['as the machine of tally']);
    expect(found?.failure.message).toContain('the machine of tally tally:');
    expect(found?.failure.message).toContain('no order explains');
    expect(found?.failure.message).toMatch(/it is \{\} with \{"total":1\d\}/);
    expect(found?.case.steps.length).toBeLessThanOrEqual(4);
    expect(found?.case.faults).toEqual([]);
  });

  it.each([
    ['one that is lost', [add(1, 0), add(2, 100)], 1],
    ['one that counts twice', [add(1, 0)], 2],
    ['one that is nobody’s', [], 1],
  ])('[CM6] %s is found', async (_, steps: readonly TallyStep[], sum: number) => {
    const checks = [asTheMachine(Tally)];
    const run = simulate({ seed: 1, actors: [Tally], checks }, async (world) => {
      await playCommands(world, Tally, steps);
      await world.node(0).perform({ op: 'total', key: 'tally:a', input: { type: 'total' } }, async () => ({
        kind: 'replied',
        reply: sum,
      }));
    });
    expect((await failureOf(run)).violations).toMatchObject([{ check: 'as the machine of tally' }]);
  });

  it('[CM6] a timer that rings before it is due is found, one that rings late is not', async () => {
    const rung = (atMs: number) =>
      simulate({ seed: 1, actors: [Desk], checks: [asTheMachine(Desk, { looks })] }, async (world) => {
        const ask = (input: object | 'read', value: object) =>
          world.node(0).perform({ op: 'x', key: 'desk:a', input }, async () => value);
        await ask({ type: 'sit', who: 'ann' }, { kind: 'replied', reply: { kind: 'yours', sat: 1 } });
        await world.advance(atMs);
        const value = { seat: { taken: 'overdue' }, lamp: 'off', room: {} };
        const context = { who: 'ann', sat: 1, rung: 1, notes: [], waiting: [] };
        await ask('read', { kind: 'state', value, context, status: 'active' });
      });
    await expect(rung(5_000)).resolves.toBeDefined();
    await expect(rung(450)).resolves.toBeDefined();
    await expect(rung(300)).rejects.toThrow('no order explains');
  });

  it('[CM7] what a machine learns from elsewhere is said to be undecided', async () => {
    const simulation = actorSimulation(Ledger, {
      events: { note: fc.record({ id: fc.uuid() }), pass: fc.record({ id: fc.uuid(), to: fc.constant('a') }) },
    });
    const found = await simulation.find(1);
    expect(found.kind === 'failed' && found.failure.violations[0]?.message).toContain('tell each other');
    const Working = defineActor('working', {
      machine: setup({
        types: {} as { events: { type: 'go' } },
        actors: { work: durable('work', async () => 1) },
      }).createMachine({
        initial: 'idle',
        states: { idle: { on: { go: 'busy' } }, busy: { invoke: { src: 'work', onDone: 'idle', onError: 'idle' } } },
      }),
    });
    const worked = await actorSimulation(Working).find(1);
    expect(worked.kind === 'failed' && worked.failure.violations[0]?.message).toContain("it invokes 'work'");
  });

  it('[CM7] actors of memory alone, which may forget, are not judged', () => {
    const Brief = defineActor('brief', { machine: addMachine(1), durable: false });
    expect(() => asTheMachine(Brief)).toThrow('kept in memory alone');
  });
});

describe('a simulation from an actor type', () => {
  it('[CM8] explores and replays like any other, with checks of one’s own on top', async () => {
    let inspected = 0;
    const own = {
      name: 'own',
      inspect: () => {
        inspected += 1;
        return [];
      },
    };
    const simulation = actorSimulation(Ledger, {
      events: { note: fc.record({ id: fc.uuid() }), pass: 'never' },
      nodes: 2,
      checks: [own],
    });
    expect(simulation.name).toBe('ledger');
    const explored = await explore(simulation, { seeds: 10 });
    for (const { failure } of explored.failures) throw failure;
    expect(explored.operations.ok).toBeGreaterThan(150);
    expect(inspected).toBe(10);
    expect((await replay(simulation, 3)).digest()).toBe((await replay(simulation, 3)).digest());
  });

  it('[CM8] tells other types, which are in the world too', async () => {
    const Till = defineActor('till', {
      machine: setup({ types: {} as { events: { type: 'sell'; by: number } } }).createMachine({
        on: { sell: { actions: tell(Counter, 'sum', ({ event }) => ({ type: 'add', by: event.by })) } },
      }),
    });
    const simulation = actorSimulation(Till, {
      events: { sell: fc.record({ by: fc.integer({ min: 1, max: 9 }) }) },
      others: [Counter],
      faults: faultPlan({ withinMs: 2_000, kinds: ['crash', 'call'] }),
    });
    const { seen } = await replay(simulation, 2);
    const record = await seen.state.peek('counter:sum');
    const sold = seen.history.operations().filter(({ input, outcome }) => input !== 'read' && outcome.kind === 'ok');
    expect(sold.length).toBeGreaterThan(5);
    expect(record?.version).toBeGreaterThan(0);
  });

  it('[CM8] commands draw and play in a property of one’s own', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        commands(Tally, { events: { add: fc.record({ by: fc.nat({ max: 9 }) }) } }),
        faultPlan({ withinMs: 3_000 }),
        async (seed, steps, faults) => {
          const checks = [asTheMachine(Tally)];
          await simulate({ seed, actors: [Tally], faults, checks }, (world) => playCommands(world, Tally, steps));
        },
      ),
      { numRuns: 5, seed: 1 },
    );
  });
});
