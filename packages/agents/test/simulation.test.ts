// Boards under crashes at random moments: several systems share a store, a lease store and a bus
// in simulated time; some die without a word, others come.
import { MemoryLeaseStore, MemoryLockManager, seededEntropy } from '@devmentor/locks';
import { SimulatedClock } from '@devmentor/locks/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOpen } from '../src/board-status.ts';
import { MemoryBoardStore } from '../src/board-store.memory.ts';
import type { BoardStore } from '../src/board-store.ts';
import {
  BlackboardSystem,
  defineKnowledgeSource,
  type Entry,
  fold,
  type IKnowledgeSource,
  type Solution,
} from '../src/index.ts';
import { Bus } from './bus.fixture.ts';

const files = Array.from({ length: 6 }, (_, n) => ({ path: `f${n}.ts`, content: `${n}` }));
const problem = { title: 'Count', description: '', files };

/** Each run takes a while, so that crashes find work under way. */
function sourcesOf(clock: SimulatedClock): readonly IKnowledgeSource[] {
  const takes = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
  const read = defineKnowledgeSource({
    name: 'read',
    version: 1,
    trigger: { on: 'entry', level: 'source', each: 'file' },
    run: async ({ inputs: [input] }) => {
      await takes(300);
      return input === undefined
        ? []
        : [{ level: 'fact', kind: 'read', subject: input.subject, value: input.subject.file ?? '', links: [input.id] }];
    },
  });
  const sum = defineKnowledgeSource({
    name: 'sum',
    version: 1,
    trigger: { on: 'entry', level: 'fact', kind: 'read', each: 'board' },
    precondition: ({ inputs }) => inputs.length === files.length,
    run: async ({ inputs }) => {
      await takes(500);
      return [
        {
          level: 'finding',
          kind: 'sum',
          value: `${inputs.length} files`,
          links: inputs.map(({ id, version }) => `${id}@${version}`),
        },
      ];
    },
  });
  return [read, sum];
}

interface Fault {
  readonly atMs: number;
  readonly who: number;
  /** Before the call is applied, or after it was and before its answer arrives. */
  readonly cut: 'before' | 'after';
}

const faults = fc.array(
  fc.record({
    atMs: fc.integer({ min: 0, max: 6_000 }),
    who: fc.nat({ max: 2 }),
    cut: fc.constantFrom('before' as const, 'after' as const),
  }),
  { maxLength: 6, size: 'max' },
);

describe('a board whose workers and controllers crash', () => {
  it('[SIM1] commits each activation once, closes with no work left, and says what it would have said', {
    timeout: 120_000,
  }, async () => {
    const undisturbed = await simulate([], 1);
    expect(undisturbed.solution.statements.map(({ text }) => text)).toEqual(['6 files']);
    let lost = 0;
    let crashes = 0;
    await fc.assert(
      fc.asyncProperty(faults, fc.integer(), async (crashing, seed) => {
        const { log, solution, crashed, head } = await simulate(crashing, seed);
        expect(said(solution)).toEqual(said(undisturbed.solution));
        const committed = log.flatMap((entry) => (entry.kind === 'committed' ? [entry.key] : []));
        expect(new Set(committed).size).toBe(committed.length);
        expect(committed).toHaveLength(files.length + 1);
        for (const [i, entry] of log.entries()) {
          if (entry.kind === 'status' && entry.status === 'solved')
            expect(fold(head, log.slice(0, i)).activeCount).toBe(0);
        }
        lost += log.filter((entry) => entry.kind === 'failed' && entry.failure === 'lost').length;
        crashes += crashed;
      }),
      { numRuns: 60 },
    );
    expect(crashes).toBeGreaterThan(20);
    expect(lost).toBeGreaterThan(5);
  });
});

function said({ revision: _, atMs: __, ...rest }: Solution): unknown {
  return rest;
}

async function simulate(crashing: readonly Fault[], seed: number) {
  const clock = new SimulatedClock();
  const entropy = seededEntropy(seed);
  const store = new MemoryBoardStore({ clock });
  const leases = new MemoryLeaseStore({ clock });
  const bus = new Bus(clock);
  let crashed = 0;
  const join = (): Node => nodeOf(clock, seededEntropy(Math.floor(entropy.random() * 2 ** 31)), store, leases, bus);
  const nodes = [join(), join(), join()];
  const opener = join();
  void opener.boards.open({ id: 'b', problem });
  for (const { atMs, who, cut } of crashing) {
    clock.after(atMs, () => {
      nodes[who]?.crash(cut);
      crashed += 1;
      nodes[who] = join();
    });
  }
  for (let second = 0; second < 200; second += 1) {
    await clock.advance(1_000);
    const head = await store.head('b');
    if (head !== undefined && !isOpen(head.status) && second > 6) {
      const log: readonly Entry[] = (await store.read('b', 0, 10_000)).entries;
      const { solution } = fold(head, log);
      if (solution === undefined) throw new Error('a board at rest has a Solution');
      return { log, solution, crashed, head };
    }
  }
  throw new Error('the board did not come to rest within 200 s');
}

interface Node {
  readonly boards: BlackboardSystem;
  /** Everything it asks from now on is never answered; nobody is told. */
  crash(cut: Fault['cut']): void;
}

function nodeOf(
  clock: SimulatedClock,
  entropy: ReturnType<typeof seededEntropy>,
  store: BoardStore,
  leases: MemoryLeaseStore,
  bus: Bus,
): Node {
  const plug = { state: 'in' as 'in' | Fault['cut'] | 'out' };
  const locks = new MemoryLockManager({ clock, entropy, store: leases });
  const transport = bus.connect();
  const boards = new BlackboardSystem({
    store: plugged(store, plug),
    locks,
    transport,
    clock,
    entropy,
    sources: sourcesOf(clock),
    workers: { concurrency: 2 },
  });
  void boards.start();
  return {
    boards,
    crash: (cut) => {
      plug.state = cut;
      transport.cut();
      void locks.close({ leases: 'keep' });
    },
  };
}

/** Passes calls on until the plug is pulled; the call after `after` still takes effect. */
function plugged(store: BoardStore, plug: { state: 'in' | 'before' | 'after' | 'out' }): BoardStore {
  const never = new Promise<never>(() => undefined);
  return new Proxy(store, {
    get: (target, name) => {
      const call: unknown = Reflect.get(target, name, target);
      if (typeof call !== 'function') return call;
      return (...given: unknown[]): unknown => {
        if (plug.state === 'in') return (call as (...given: unknown[]) => unknown).apply(target, given);
        if (plug.state === 'after') (call as (...given: unknown[]) => unknown).apply(target, given);
        plug.state = 'out';
        return never;
      };
    },
  });
}
