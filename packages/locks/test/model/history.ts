// History
//
// What users, machines and networks do, as steps that can be drawn at random, shrunk and
// printed; and how a world goes through them.
import fc from 'fast-check';
import type { Fault, Process } from './process.ts';
import { FOREVER_MS, type Pervert, PROCESSES, World } from './world.ts';

export type Step =
  | {
      readonly do: 'claim';
      readonly process: number;
      readonly resource: string;
      readonly party: string;
      readonly waitMs: number;
      readonly requestId?: string;
      readonly ttlMs: number;
      readonly renew: 'auto' | 'manual';
    }
  /** Of those made so far, the one with this number, counted from the latest. */
  | { readonly do: 'renew' | 'release'; readonly lease: number }
  | { readonly do: 'abort'; readonly claim: number }
  | { readonly do: 'cancel'; readonly process: number; readonly resource: string; readonly requestId: string }
  | { readonly do: 'resume' | 'revoke'; readonly process: number; readonly lease: number }
  | {
      readonly do: 'take over';
      readonly process: number;
      readonly resource: string;
      readonly party: string;
      readonly graceMs: number;
      readonly onSilence: 'grant' | 'deny';
    }
  | { readonly do: 'force'; readonly process: number; readonly resource: string; readonly party: string }
  | { readonly do: 'answer'; readonly lease: number; readonly answer: 'grant' | 'deny'; readonly drainMs: number }
  | { readonly do: 'hand off'; readonly lease: number; readonly to: string; readonly process: number }
  | { readonly do: 'fault'; readonly process: number; readonly faults: readonly Fault[] }
  | { readonly do: 'deafen'; readonly process: number }
  | { readonly do: 'stop' | 'go' | 'wake'; readonly process: number }
  | { readonly do: 'leave'; readonly process: number; readonly how: 'crash' | 'release' | 'keep' }
  | { readonly do: 'wall'; readonly process: number; readonly byMs: number }
  | { readonly do: 'lose' }
  | { readonly do: 'jump'; readonly ms: number }
  | { readonly do: 'pass'; readonly ms: number };

const process = fc.nat({ max: PROCESSES - 1 });
const resource = fc.constantFrom('press', 'press', 'forge');
const party = fc.constantFrom('ada', 'bob', 'cy', 'dee', 'eve');
const requestId = fc.constantFrom('r0', 'r1', 'r2');
const lease = fc.nat({ max: 4 });
const fault = fc.constantFrom<Fault>('refused', 'request-lost', 'reply-lost', 'twice', 'slow', 'late');

const claim = fc
  .record({
    do: fc.constant('claim' as const),
    process,
    resource,
    party,
    waitMs: fc.constantFrom(0, FOREVER_MS, FOREVER_MS, 300, 4_000),
    requestId: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: requestId }),
    ttlMs: fc.constantFrom(300, 1_000, 3_000),
    renew: fc.constantFrom('auto' as const, 'manual' as const),
  })
  // What is not said is not printed.
  .map(({ requestId: id, ...facts }): Step => ({ ...facts, ...(id === undefined ? {} : { requestId: id }) }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: claim },
  { weight: 7, arbitrary: fc.record({ do: fc.constant('release' as const), lease }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('renew' as const), lease }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), claim: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), process, resource, requestId }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('resume' as const, 'revoke' as const), process, lease }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('take over' as const),
      process,
      resource,
      party,
      graceMs: fc.constantFrom(50, 200, 2_000),
      onSilence: fc.constantFrom('grant' as const, 'deny' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('force' as const), process, resource, party }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      lease,
      answer: fc.constantFrom('grant' as const, 'deny' as const),
      drainMs: fc.constantFrom(0, 150, 1_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hand off' as const), lease, to: party, process }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      process,
      faults: fc.array(fault, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deafen' as const), process }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stop' as const), process }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('go' as const, 'wake' as const), process }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('leave' as const),
      process,
      how: fc.constantFrom('crash' as const, 'release' as const, 'keep' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wall' as const),
      process,
      byMs: fc.constantFrom(-3_600_000, -500, 500, 3_600_000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'lose' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('jump' as const), ms: fc.constantFrom(100, 1_500) }) },
  {
    weight: 9,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 20, 150, 600, 1_500, 4_000) }),
  },
);

export const history = fc.array(step, { minLength: 1, maxLength: 30, size: 'max' });

/** What the world had to object to, and what it saw. Every history ends healed and empty. */
export async function goThrough(
  steps: readonly Step[],
  pervert: Pervert = (store) => store,
): Promise<{ objections: readonly string[]; seen: ReadonlyMap<string, number> }> {
  const world = new World(pervert);
  for (const one of steps) {
    await take(world, one);
    await world.time.settle();
    world.check();
    if (world.objections.length > 0) return world;
  }
  await world.heal();
  if (world.objections.length === 0) await world.leave();
  return world;
}

async function take(world: World, step: Step): Promise<void> {
  world.count(`step ${step.do}`);
  const of = (n: number): Process => world.processes[n] as Process;
  switch (step.do) {
    case 'claim': {
      const { process, resource, party, waitMs, requestId, ttlMs, renew } = step;
      const from = of(process);
      if (from.clock.state !== 'running') return;
      world.claim(from, resource, {
        holder: { id: party },
        instance: `${process}`,
        waitMs,
        ttlMs,
        renew,
        ...(requestId === undefined ? {} : { requestId }),
      });
      return;
    }
    case 'renew':
    case 'release': {
      const held = world.held.at(-1 - step.lease);
      if (held?.process.clock.state !== 'running') return;
      if (step.do === 'release' && held.lease.state === 'lost') world.releasedLate(held.lease.leaseId);
      void held.lease[step.do]();
      return;
    }
    case 'abort': {
      const claim = world.claims.at(-1 - step.claim);
      if (claim?.process.clock.state === 'running') claim.abort.abort(new Error('enough'));
      return;
    }
    case 'cancel':
      if (of(step.process).clock.state !== 'running') return;
      void of(step.process).locks.cancel({ resource: step.resource, requestId: step.requestId });
      return;
    case 'resume': {
      const lease = world.held.at(-1 - step.lease)?.lease;
      const from = of(step.process);
      if (lease === undefined || from.clock.state !== 'running') return;
      void from.locks.resume({ resource: lease.resource, leaseId: lease.leaseId }).then((outcome) => {
        if (outcome.kind === 'resumed') world.hold(from, outcome.lease);
      });
      return;
    }
    case 'revoke': {
      const lease = world.held.at(-1 - step.lease)?.lease;
      const from = of(step.process);
      if (lease === undefined || from.clock.state !== 'running') return;
      void from.locks.release({ resource: lease.resource, leaseId: lease.leaseId, how: 'revoked' });
      return;
    }
    case 'take over': {
      const { process, resource, party, graceMs, onSilence } = step;
      if (of(process).clock.state !== 'running') return;
      world.takeOver(of(process), resource, {
        by: { id: party },
        instance: `${process}`,
        graceMs,
        onSilence,
        ttlMs: 1_000,
      });
      return;
    }
    case 'force': {
      const from = of(step.process);
      if (from.clock.state !== 'running') return;
      const options = { by: { id: step.party }, instance: `${step.process}`, reason: 'now', ttlMs: 1_000 };
      void from.locks.force(step.resource, options).then((outcome) => {
        if (outcome.kind === 'granted') world.hold(from, outcome.lease);
      });
      return;
    }
    case 'answer': {
      const held = world.held.at(-1 - step.lease);
      if (held?.process.clock.state !== 'running') return;
      void held.lease.answerTakeover(
        step.answer === 'deny' ? { answer: 'deny' } : { answer: 'grant', drainMs: step.drainMs },
      );
      return;
    }
    case 'hand off': {
      const held = world.held.at(-1 - step.lease);
      if (held?.process.clock.state !== 'running') return;
      void held.lease.handOff({ to: { id: step.to }, instance: `${step.process}`, offerMs: 400 });
      return;
    }
    case 'fault':
      of(step.process).line.faults.push(...step.faults);
      return;
    case 'deafen':
      of(step.process).line.deafTo += 2;
      return;
    case 'stop':
      of(step.process).clock.stop();
      return;
    case 'go':
    case 'wake':
      of(step.process).clock.go(step.do === 'wake');
      return;
    case 'leave':
      if (step.how !== 'crash' && of(step.process).clock.state !== 'running') return;
      world.replace(of(step.process), step.how);
      return;
    case 'wall':
      of(step.process).clock.setWall(step.byMs);
      return;
    case 'lose':
      return world.lose();
    case 'jump':
      world.jump(step.ms);
      return;
    case 'pass':
      return world.time.advance(step.ms);
  }
}

/** A counterexample as a reader wants it: one step a line. */
export function print(steps: readonly Step[]): string {
  return steps
    .map(({ do: what, ...facts }) => {
      const told = Object.entries(facts).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
      return `  ${[what, ...told].join(', ')}`;
    })
    .join('\n');
}
