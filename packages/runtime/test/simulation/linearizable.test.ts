import {
  diagram,
  explain,
  History,
  type LogInput,
  type LogOutput,
  linearizable,
  linearizableRegisters,
  logModel,
  mergeHistories,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  recordedRun,
  registerModel,
  type SequentialModel,
} from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainedByAnyOrder } from './every-order.fixture.ts';
import { chance, historyOf, type Line, registerHistory } from './histories.fixture.ts';

type RegisterLine = Line<RegisterInput, RegisterOutput>;
const seeds = fc.integer();
const register = registerModel(0);

const write = (
  value: number,
  from: number,
  to: number,
  told: RegisterLine['told'] = { kind: 'written' },
): RegisterLine => ({
  ask: { kind: 'write', value },
  told,
  from,
  to,
});
const read = (value: number, from: number, to: number): RegisterLine => ({
  ask: { kind: 'read' },
  told: { kind: 'value', value },
  from,
  to,
});
const verdictOf = (...lines: readonly RegisterLine[]): string => linearizable(register, historyOf(lines)).kind;

describe('history', () => {
  it('[LC1] events have one order, also within a millisecond; what was not answered is unknown', () => {
    const history = new History(() => 7);
    const first = history.invoke({ process: 'n1#1', node: 'n1', key: 'k', input: 1 });
    first.ok('one');
    history.invoke({ process: 'n1#2', node: 'n1', key: 'k', input: 2 });
    history.saw('n1', { kind: 'reached', label: 'here' });
    const [one, two] = history.operations();
    expect(one).toMatchObject({ outcome: { kind: 'ok', value: 'one' }, order: { invoked: 0, returned: 1 } });
    expect(two).toMatchObject({ outcome: { kind: 'unknown' }, returnedMs: undefined, order: { invoked: 2 } });
    expect(history.sightings()).toEqual([{ kind: 'reached', label: 'here', node: 'n1', atMs: 7, order: 3 }]);
  });

  it('[LC1] the first word on an operation counts, and a crash is one', () => {
    const history = new History(() => 0);
    const ask = (node: string) => history.invoke({ process: `${node}#1`, node, key: 'k', input: 0 });
    const [kept, cut, failed] = [ask('n1'), ask('n2'), ask('n3')];
    kept.ok(1);
    failed.failed();
    history.crashed('n2');
    cut.ok(2);
    failed.unknown();
    expect(history.operations().map(({ outcome }) => outcome.kind)).toEqual(['ok', 'unknown', 'failed']);
  });

  it('[LC2] a history is the same after JSON', () => {
    const history = new History(() => 3);
    history.invoke({ process: 'a', node: 'a', key: 'k', input: { kind: 'read' } }).ok({ kind: 'value', value: 0 });
    history.saw('a', { kind: 'healed' });
    expect(JSON.parse(JSON.stringify(history))).toEqual(history.toJSON());
  });

  it('[LC2] in a merged history what may have overlapped does, so noise of clocks is never called wrong', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 8 }), (seed, slackMs) => {
        const random = chance(seed);
        const off = Array.from({ length: 3 }, () => random(slackMs + 1));
        const operations = historyOf(registerHistory(seed, { operations: 12, spread: 5, unknown: 10 }));
        // Three processes, each with a clock that is late by its own.
        const parts = off.map((lateMs, part) => ({
          operations: operations
            .filter(({ id }) => id % 3 === part)
            .map((operation) => ({
              ...operation,
              process: `${part}#${operation.id}`,
              invokedMs: operation.invokedMs + lateMs,
              returnedMs: (operation.returnedMs ?? 0) + lateMs,
            })),
          sightings: [],
        }));
        const run = recordedRun(mergeHistories(parts, { slackMs }));
        expect(linearizableRegisters({ initial: 0 }).inspect(run)).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('[LC2] what one process did stays in its order, however unsure the clocks are', () => {
    const own = historyOf([write(1, 0, 1), { ...read(0, 2, 3) }]).map((operation) => ({ ...operation, process: 'p' }));
    const run = recordedRun(mergeHistories([{ operations: own, sightings: [] }], { slackMs: 100 }));
    expect(linearizableRegisters({ initial: 0 }).inspect(run)).toHaveLength(1);
  });
});

type QueueInput = { readonly enq: string } | 'deq';
const queue: SequentialModel<readonly string[], QueueInput, string> = {
  name: 'queue',
  initial: () => [],
  step(state, { input, outcome }) {
    if (input !== 'deq') return [[...state, input.enq]];
    const [head, ...rest] = state;
    if (head === undefined) return [];
    return outcome.kind !== 'ok' || outcome.value === head ? [rest] : [];
  },
  fingerprint: (state) => state.join(),
};

describe('search', () => {
  it('[LC3] decides the queues of Herlihy and Wing as they do', () => {
    const enq = (item: string, from: number, to: number): Line<QueueInput, string> => ({
      ask: { enq: item },
      told: '',
      from,
      to,
    });
    const deq = (item: string, from: number, to: number): Line<QueueInput, string> => ({
      ask: 'deq',
      told: item,
      from,
      to,
    });
    const kind = (...lines: readonly Line<QueueInput, string>[]) => linearizable(queue, historyOf(lines)).kind;
    // H1: E(x) overlaps E(y); x and y come out in that order, then z goes in.
    expect(kind(enq('x', 0, 4), enq('y', 2, 6), deq('x', 8, 12), deq('y', 10, 14), enq('z', 16, 18))).toBe(
      'linearizable',
    );
    // H2: x was in before y began, and y comes out first.
    expect(kind(enq('x', 0, 2), enq('y', 4, 6), deq('y', 8, 10))).toBe('violation');
    // H3: x comes out while it still goes in.
    expect(kind(enq('x', 0, 10), deq('x', 2, 4))).toBe('linearizable');
    // H4: y comes out twice.
    expect(kind(enq('x', 0, 6), enq('y', 2, 4), deq('y', 8, 12), deq('y', 10, 14))).toBe('violation');
  });

  it('[LC3] decides the registers of the textbooks', () => {
    expect(verdictOf(write(1, 0, 10), read(0, 2, 4), read(1, 6, 8))).toBe('linearizable');
    expect(verdictOf(write(1, 0, 10), read(1, 2, 4), read(0, 6, 8))).toBe('violation');
    expect(verdictOf(write(1, 0, 2), write(2, 4, 6), read(1, 8, 10))).toBe('violation');
    // Two readers that see two writes in different orders.
    expect(verdictOf(write(1, 0, 9), write(2, 0, 9), read(1, 1, 2), read(2, 3, 4), read(1, 5, 6))).toBe('violation');
  });

  it('[LC3] equals the trial of every order, on thousands of small histories right and wrong', () => {
    const kinds = { linearizable: 0, violation: 0, undecided: 0 };
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = chance(seed);
        const lines = registerHistory(seed, { operations: 2 + random(5), spread: 8, unknown: 25 }).map((line) =>
          random(5) === 0 && typeof line.told !== 'string' && line.told.kind === 'value'
            ? { ...line, told: { kind: 'value', value: random(4) } as const }
            : line,
        );
        const operations = historyOf(lines);
        const verdict = linearizable(register, operations);
        kinds[verdict.kind]++;
        expect(verdict.kind === 'linearizable').toBe(explainedByAnyOrder(register, operations));
      }),
      { numRuns: 4_000 },
    );
    expect(kinds.undecided).toBe(0);
    expect(Math.min(kinds.linearizable, kinds.violation)).toBeGreaterThan(200);
  });

  it('[LC3] the order that it names is legal, has every answer, and respects real time', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const operations = historyOf(registerHistory(seed, { operations: 20, spread: 10, unknown: 15 }));
        const verdict = linearizable(register, operations);
        if (verdict.kind !== 'linearizable') throw new Error(verdict.kind);
        let states: readonly (string | number | boolean | null)[] = [0];
        for (const operation of verdict.order) states = states.flatMap((state) => register.step(state, operation));
        expect(states).toHaveLength(1);
        const known = operations.filter(({ outcome }) => outcome.kind === 'ok');
        expect(known.every((operation) => verdict.order.includes(operation))).toBe(true);
        for (const [place, operation] of verdict.order.entries())
          for (const later of verdict.order.slice(place + 1))
            expect(later.outcome.kind === 'ok' && (later.order.returned ?? 0) < operation.order.invoked).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('[LC4] an unknown operation may take effect long after, or never; a failed one never does', () => {
    expect(verdictOf(write(1, 0, 1, 'unknown'), read(0, 5, 6), read(1, 7, 8))).toBe('linearizable');
    expect(verdictOf(write(1, 0, 1, 'unknown'), read(0, 5, 6))).toBe('linearizable');
    expect(verdictOf(write(1, 4, 5, 'unknown'), read(1, 0, 1))).toBe('violation');
    expect(verdictOf(write(1, 0, 1, 'unknown'), read(1, 2, 3), read(0, 4, 5))).toBe('violation');
    expect(verdictOf(write(1, 0, 1, 'failed'), read(1, 2, 3))).toBe('violation');
  });

  it('[LC4] a register that works is never called wrong, whatever overlaps and whatever is unknown', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const lines = registerHistory(seed, { operations: 40, spread: 12, unknown: 15, keys: 4 });
        expect(linearizable(register, historyOf(lines)).kind).toBe('linearizable');
      }),
      { numRuns: 3_000 },
    );
  });

  it('[LC5] objects are judged one by one', () => {
    const lines = [
      { ...write(1, 0, 1), key: 'a' },
      { ...read(0, 2, 3), key: 'b' },
    ];
    expect(verdictOf(...lines)).toBe('linearizable');
    const verdict = linearizable(register, historyOf([...lines, { ...read(7, 4, 5), key: 'b' }]));
    expect(verdict).toMatchObject({ kind: 'violation', key: 'b' });
  });

  it('[LC6] what the budget does not decide is neither right nor wrong, and the worst case ends', () => {
    // Every order of twenty overlapping appends ends in another state, and what is read tells none of them.
    const append = (item: string) => ({
      ask: { kind: 'append', item } as const,
      told: { kind: 'appended' } as const,
      from: 0,
      to: 100,
    });
    const lines = Array.from({ length: 20 }, (_, index) => append(`${index}`));
    const items = {
      ask: { kind: 'items' } as const,
      told: { kind: 'items', items: [] as readonly string[] } as const,
      from: 101,
      to: 102,
    };
    const operations = historyOf<LogInput, LogOutput>([...lines, items]);
    expect(linearizable(logModel(), operations, { budget: 5_000 })).toEqual({
      kind: 'undecided',
      key: 'k',
      explored: 5_000,
    });
  });

  it('[LC6] a violation of one key is told, though another is undecided', () => {
    const hard = Array.from({ length: 12 }, (_, i) => write(i + 1, 0, 100));
    const operations = historyOf([...hard, read(99, 101, 102), { ...read(5, 0, 1), key: 'other' }]);
    expect(linearizable(register, operations, { budget: 50 })).toMatchObject({ kind: 'violation', key: 'other' });
  });
});

describe('explanation', () => {
  const wrong = (): readonly Operation<RegisterInput, RegisterOutput>[] =>
    historyOf([write(1, 0, 1), write(2, 2, 5), read(2, 3, 4), read(1, 6, 7), write(3, 8, 9), read(9, 10, 11)]);

  it('[LC7] names the first answer that no order explains, and looks at nothing after it', () => {
    const verdict = linearizable(register, wrong());
    if (verdict.kind !== 'violation') throw new Error(verdict.kind);
    expect(verdict.culprit.id).toBe(3);
    expect(verdict.until.map(({ id }) => id)).toEqual([0, 1, 2, 3]);
    expect(verdict.prefix.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(verdict.stuck.map(({ id }) => id)).toEqual([3]);
  });

  it('[LC7] what came before the culprit has an order', () => {
    let wrongs = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = chance(seed);
        const lines = registerHistory(seed, { operations: 15, spread: 6, unknown: 10 });
        const at = random(lines.length);
        const spoilt = lines.map((line, index) =>
          index === at
            ? { ...line, ask: { kind: 'read' } as const, told: { kind: 'value', value: random(15) } as const }
            : line,
        );
        const verdict = linearizable(register, historyOf(spoilt));
        if (verdict.kind !== 'violation') return;
        wrongs++;
        const last = verdict.culprit.order.returned ?? 0;
        const before = verdict.until.map((operation) =>
          operation.id === verdict.culprit.id ? { ...operation, outcome: { kind: 'unknown' } as const } : operation,
        );
        expect(verdict.until.every(({ order }) => order.invoked < last)).toBe(true);
        expect(linearizable(register, before).kind).toBe('linearizable');
        expect(linearizable(register, verdict.until).kind).toBe('violation');
      }),
      { numRuns: 1_000 },
    );
    expect(wrongs).toBeGreaterThan(100);
  });

  it('[LC7] tells what was believed, what had to come, and draws what overlapped', () => {
    const verdict = linearizable(register, wrong());
    if (verdict.kind !== 'violation') throw new Error(verdict.kind);
    expect(explain(register, verdict).split('\n')).toEqual([
      'register k: no order explains (3) p3: read → 1  [6–7 ms]',
      '',
      'The order that goes furthest:',
      '  (0) p0: write 1 → written  [0–1 ms]',
      '  (1) p1: write 2 → written  [2–5 ms]',
      '  (2) p2: read → 2  [3–4 ms]',
      'Then it holds 2, and next would have to come',
      '  (3) p3: read → 1  [6–7 ms]',
      '',
      'As it happened:',
      '  p0 (0)─┤',
      '  p1       (1)───────┤',
      '  p2           (2)─┤',
      '  p3                   (3)─┤',
    ]);
  });

  it('[LC7] tells milliseconds to a tenth', () => {
    const verdict = linearizable(register, historyOf([read(1, 2.709664555639029, 3.05)]));
    if (verdict.kind !== 'violation') throw new Error(verdict.kind);
    expect(explain(register, verdict)).toContain('[2.7–3.1 ms]');
  });

  it('[LC7] draws what failed, what is unknown, and one process on one line', () => {
    const operations = historyOf([
      { ...write(1, 0, 1, 'failed'), by: 'a' },
      { ...write(2, 2, 3, 'unknown'), by: 'a' },
      { ...read(2, 4, 5), by: 'a' },
    ]);
    expect(diagram(operations)).toEqual(['  a (0)─× (1)─… (2)─┤']);
  });
});
