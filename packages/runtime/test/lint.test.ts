// What the lint says of an actor type before any actor of it lives.
import { describe, expect, it } from 'vitest';
import { assign, emit, enqueueActions, fromPromise, raise, sendTo, setup } from 'xstate';
import { createRuntime, defineActor, MachineRefused, reply, returns } from '../src/index.ts';

const work = fromPromise(async () => 1);

/** The problems for which a definition is refused. */
function refusalOf(define: () => unknown): readonly string[] {
  try {
    define();
  } catch (error) {
    if (error instanceof MachineRefused) return error.problems;
    throw error;
  }
  return [];
}

const warned = (defined: { readonly behavior: { readonly warnings: readonly { rule: string; where: string }[] } }) =>
  defined.behavior.warnings.map(({ rule, where }) => `${rule} @ ${where}`);

class Basket {
  readonly apples = 3;
}

describe('lint: errors', () => {
  it.each([
    [
      'a Map',
      () => ({ deep: { all: new Map() } }),
      /^context\.deep\.all: is a Map, and what .* must be JSON; store a plain object or an array of entries$/,
    ],
    ['a Set', () => ({ all: [new Set()] }), /^context\.all\[0\]: is a Set, .*; store an array$/],
    [
      'a Date',
      () => ({ at: new Date(0) }),
      /^context\.at: is a Date, .*; store toISOString\(\) or the epoch milliseconds$/,
    ],
    ['a class instance', () => ({ basket: new Basket() }), /^context\.basket: is a Basket, .*; store a plain object$/],
    [
      'a closure',
      () => ({ later: () => 1 }),
      /^context\.later: is a function, .*; keep data alone, and let actions and invokes do the rest$/,
    ],
  ])('[LN1] %s in the first context is refused with its path and what to store instead', (_what, context, message) => {
    const loose = setup({ types: {} as { context: Record<string, unknown> } });
    for (const machine of [loose.createMachine({ context }), loose.createMachine({ context: context() })])
      expect(refusalOf(() => defineActor('basket', { machine }))).toEqual([expect.stringMatching(message)]);
  });

  it('[LN1] the context that an input gives is looked at too; one that needs a real key says nothing', () => {
    const machine = setup({ types: {} as { context: { at: unknown }; input: { at: unknown } } }).createMachine({
      context: ({ input }) => ({ at: input.at }),
    });
    expect(refusalOf(() => defineActor('dated', { machine, input: () => ({ at: new Date(0) }) }))).toHaveLength(1);
    const picky = (key: string): { at: unknown } => {
      if (key !== 'real') throw new Error('no such key');
      return { at: 1 };
    };
    expect(refusalOf(() => defineActor('dated', { machine, input: picky }))).toEqual([]);
  });

  it('[LN1] all problems come at once: a machine below in place, missing implementations, names of XState', () => {
    const child = setup({}).createMachine({});
    const machine = setup({
      types: {} as { events: { type: 'go' } | { type: 'xstate.mine' } },
      actors: {
        child: setup({ types: {} as { context: { m: unknown } } }).createMachine({ context: { m: new Map() } }),
      },
    }).createMachine({
      initial: 'a',
      on: { 'xstate.mine': {} },
      states: {
        a: { on: { go: 'b' } },
        b: { entry: raise({ type: 'xstate.mine' }), invoke: { src: child as never, id: 'kid', onError: 'a' } },
      },
    });
    expect(refusalOf(() => defineActor('thing', { machine }))).toEqual([
      "state '(machine).b', invoke 'kid': a child that lives in the record needs a name to be restored by; name it in setup({ actors })",
      "state '(machine)': it takes 'xstate.mine', and events that begin with 'xstate.' are XState's own; give the event another name",
      "state '(machine).b': it sends 'xstate.mine', and events that begin with 'xstate.' are XState's own; give the event another name",
      expect.stringMatching(/^child 'child', context\.m: is a Map/),
    ]);
  });
});

describe('lint: warnings', () => {
  const risky = setup({
    types: {} as {
      context: { n: number };
      events: { type: 'go' } | { type: 'ask' } | { type: 'never' };
      emitted: { type: 'x' };
    },
    actors: {
      work,
      chatty: setup({}).createMachine({ entry: emit({ type: 'x' }) }),
    },
  }).createMachine({
    context: { n: 0 },
    initial: 'a',
    states: {
      a: {
        invoke: [
          { src: work as never, id: 'inline', onError: {} },
          { src: 'work', id: 'named' },
        ],
        on: {
          go: { target: 'b', actions: [() => {}, sendTo(({ self }) => self, { type: 'ask' }, { delay: () => 5 })] },
        },
      },
      b: { invoke: { src: 'chatty', id: 'chatty', onError: {} }, on: { ask: 'a' } },
      lost: {},
    },
  });

  it('[LN2] what may surprise is a warning with its state, and the definition stands', () => {
    const Risky = defineActor('risky', {
      machine: risky,
      version: 2,
      replies: { ask: returns<number>(), never: returns<number>() },
    });
    expect([...warned(Risky)].sort()).toEqual([
      "child-emits @ child 'chatty', state '(machine)'",
      "inline-action @ state '(machine).a'",
      "inline-delay @ state '(machine).a'",
      "inline-invoke @ state '(machine).a', invoke 'inline'",
      "invoke-without-on-error @ state '(machine).a', invoke 'named'",
      'missing-migration @ migrate.1',
      'never-replies @ replies',
      'reply-without-event @ replies.never',
      "unreachable-state @ state '(machine).lost'",
    ]);
  });

  it('[LN2] a warning that is meant is silenced by its name, and reported otherwise when a runtime is made', () => {
    const Risky = defineActor('risky', {
      machine: risky,
      lint: {
        silence: ['inline-invoke', 'invoke-without-on-error', 'inline-delay', 'unreachable-state', 'child-emits'],
      },
    });
    const heard: unknown[] = [];
    createRuntime({ actors: [Risky], onWarning: (warning) => heard.push(warning) });
    expect(heard).toEqual([
      {
        type: 'risky',
        rule: 'inline-action',
        level: 'warning',
        where: "state '(machine).a'",
        problem: 'the action function has no name in the machine, and runs at most once, after the commit',
        fix: 'name it in setup({ actions }); what must happen, invoke or tell',
      },
    ]);
  });

  it('[LN2] a machine that does all of it by name has no warning', () => {
    const fine = setup({
      types: {} as { context: { n: number }; events: { type: 'go' } | { type: 'ask' } },
      actors: { work },
      actions: { note: () => {}, count: assign({ n: ({ context }) => context.n + 1 }) },
      delays: { soon: () => 5 },
      guards: { odd: ({ context }) => context.n % 2 === 1 },
    }).createMachine({
      context: { n: 0 },
      type: 'parallel',
      states: {
        left: {
          initial: 'a',
          states: {
            a: {
              invoke: { src: 'work', id: 'work', onDone: 'b', onError: 'b' },
              on: { go: { actions: ['note', 'count', raise({ type: 'ask' }, { delay: 'soon' })] } },
            },
            b: { after: { soon: 'a' }, always: { guard: 'odd', target: 'memory' } },
            memory: { type: 'history', target: 'c' },
            c: {},
          },
        },
        right: { on: { ask: { actions: enqueueActions(({ enqueue }) => enqueue(reply(1))) } } },
      },
    });
    expect(warned(defineActor('fine', { machine: fine, replies: { ask: returns<number>() } }))).toEqual([]);
  });
});
