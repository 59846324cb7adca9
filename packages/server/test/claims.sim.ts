// Projects
//
// The server's claims over a world of nodes that fail: people claim projects, read and write them, give them
// back or forget to. What a claim was answered for holds from then on: nobody writes under an older one.
import { createHash } from 'node:crypto';
import { CoordinationError } from '@devmentor/locks';
import { defineActor, reply, returns } from '@devmentor/runtime';
import {
  defineSimulation,
  type FaultKind,
  faultPlan,
  linearizableBy,
  type Operation,
  type SequentialModel,
  type SimNode,
  several,
  type World,
} from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import { assign, setup } from 'xstate';
import { Problem } from '../src/problem.ts';
import { ClaimSeal } from '../src/projects/claim-seal.ts';
import { Claims } from '../src/projects/claims.ts';

/** Somebody opens a project. */
export interface Session {
  readonly node: number;
  readonly project: number;
  /** Since the beginning, so that sessions left out move no other. */
  readonly atMs: number;
  readonly waitMs: number;
  readonly ttlMs: number;
  readonly writes: number;
  readonly everyMs: number;
  readonly leaving: 'releases' | 'forgets';
}

const NODES = 3;
const FAULTS_MS = 4_000;
const HEALED_MS = 20_000;
const LOOK_MS = 500;

const session: fc.Arbitrary<Session> = fc.record({
  node: fc.nat({ max: NODES - 1 }),
  project: fc.nat({ max: 1 }),
  atMs: fc.nat({ max: FAULTS_MS }),
  waitMs: fc.constantFrom(5_000, 0, 15_000),
  ttlMs: fc.integer({ min: 500, max: 1_500 }),
  writes: fc.nat({ max: 3 }),
  everyMs: fc.nat({ max: 600 }),
  leaving: fc.constantFrom('releases', 'forgets'),
});

/** Comes when all is whole: what it reads is what was kept. */
const LATE: Session = {
  node: 0,
  project: 0,
  atMs: 2 * FAULTS_MS,
  waitMs: 15_000,
  ttlMs: 1_000,
  writes: 1,
  everyMs: 0,
  leaving: 'releases',
};

const Project = defineActor('project', {
  machine: setup({
    types: {} as { context: { text: string }; events: { type: 'write'; text: string } },
  }).createMachine({
    context: { text: '' },
    on: { write: { actions: [assign({ text: ({ event }) => event.text }), reply(() => 'written')] } },
  }),
  replies: { write: returns<string>() },
});

type Input =
  | { readonly kind: 'open'; readonly by: string }
  | { readonly kind: 'write'; readonly fence: string; readonly text: string }
  | { readonly kind: 'read' };
type Output =
  | { readonly kind: 'opened'; readonly fence: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'written' }
  | { readonly kind: 'text'; readonly text: string };

interface Guarded {
  readonly fence: string;
  readonly text: string;
}

/** A text that is written under fences: none under a lesser one than the last claim that was answered. */
const guarded: SequentialModel<Guarded, Input, Output> = {
  name: 'claimed text',
  initial: () => ({ fence: '', text: '' }),
  step(state, { input, outcome }) {
    const told = outcome.kind === 'ok' ? outcome.value : undefined;
    switch (input.kind) {
      case 'open':
        if (told?.kind !== 'opened') return [state];
        return told.fence >= state.fence ? [{ ...state, fence: told.fence }] : [];
      case 'write':
        return input.fence >= state.fence ? [{ fence: input.fence, text: input.text }] : [];
      case 'read':
        return told === undefined || (told.kind === 'text' && told.text === state.text) ? [state] : [];
    }
  },
  fingerprint: ({ fence, text }) => `${fence} ${text}`,
  describe: ({ input, outcome }) => `${JSON.stringify(input)} → ${JSON.stringify(outcome)}`,
  believes: ({ fence, text }) => `it says ${JSON.stringify(text)} under ${fence}`,
};

const seal = new ClaimSeal(createHash('sha256').update('projects').digest());

function claimsOf({ locks, ports }: SimNode): Claims {
  return new Claims({ locks, state: ports.state, seal, clock: ports.clock, expectVisible: async () => undefined });
}

class Person {
  readonly #session: Session;
  readonly #node: SimNode;
  readonly #who: string;
  readonly #project: string;

  constructor(world: World, session: Session, number: number) {
    this.#session = session;
    this.#node = world.node(session.node);
    this.#who = `p${number}`;
    this.#project = `d${session.project}`;
  }

  async come(): Promise<void> {
    const claimed = await this.#open();
    // Whoever was answered sees what there is, and later that it is still there.
    await this.#read();
    if (claimed !== undefined) await this.#work(claimed);
    await this.#pause(LOOK_MS);
    await this.#read();
  }

  async #open(): Promise<{ readonly token: string; readonly fence: string } | undefined> {
    const { waitMs, ttlMs } = this.#session;
    let token = '';
    const outcome = await this.#ask('open', { kind: 'open', by: this.#who }, async (node) => {
      try {
        const { grant } = await claimsOf(node).claim(this.#claimant, this.#project, {
          instanceId: this.#who,
          ttlMs,
          waitMs,
          requestId: this.#who,
        });
        token = grant.claimToken;
        return { kind: 'opened', fence: grant.fencingToken };
      } catch (problem) {
        if (problem instanceof Problem && problem.code === 'RESOURCE_LOCKED') return { kind: 'refused' };
        throw problem;
      }
    });
    return outcome?.kind === 'opened' ? { token, fence: outcome.fence } : undefined;
  }

  async #work({ token, fence }: { readonly token: string; readonly fence: string }): Promise<void> {
    const { writes, everyMs, leaving } = this.#session;
    for (let n = 1; n <= writes; n++) {
      await this.#pause(everyMs);
      const text = `${this.#who} ${n}`;
      const written = await this.#ask('write', { kind: 'write', fence, text }, async (node) => {
        const right = await this.#rightOf(node, token);
        await node.runtime.actor(Project, this.#project).ask({ type: 'write', text }, { fence: right });
        return { kind: 'written' };
      });
      if (written === undefined) return;
    }
    if (leaving === 'releases')
      await claimsOf(this.#node)
        .release(this.#claimant, this.#project, token)
        .catch(() => {});
  }

  /** Who may not write has certainly not written. */
  async #rightOf(node: SimNode, token: string) {
    try {
      return (await claimsOf(node).writeRight(this.#who, this.#project, token)).fence;
    } catch (cause) {
      throw new CoordinationError('STALE_FENCE', 'no right to write', { applied: 'no', cause });
    }
  }

  async #read(): Promise<void> {
    await this.#ask('read', { kind: 'read' }, async ({ runtime }) => {
      const { context } = await runtime.actor(Project, this.#project).read();
      return { kind: 'text', text: context.text };
    });
  }

  get #claimant() {
    return { userId: this.#who, displayName: this.#who };
  }

  async #ask(op: string, input: Input, work: (node: SimNode) => Promise<Output>): Promise<Output | undefined> {
    const asked = { op, key: this.#project, input, process: this.#who };
    const outcome = await this.#node.perform<Input, Output>(asked, work);
    return outcome.kind === 'ok' ? outcome.value : undefined;
  }

  /** Never ends where the process does. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#node.ports.clock.after(ms, resolve));
  }
}

/** Without clocks that jump: a read from memory trusts the node's lease. */
const KINDS: readonly FaultKind[] = ['crash', 'stall', 'sleep', 'drift', 'cut', 'message', 'call', 'slow', 'failover'];

export const projects = defineSimulation<Session>({
  name: 'projects',
  nodes: NODES,
  actors: [Project],
  steps: several(session, { atLeast: 10, atMost: 14 }),
  faults: faultPlan({ nodes: NODES, withinMs: FAULTS_MS, atLeast: 3, kinds: KINDS }),
  atLeast: { acknowledged: 5 },
  play: async (world, sessions) => {
    const inTime = [...sessions.entries()].sort(([, one], [, other]) => one.atMs - other.atMs);
    for (const [number, session] of inTime) {
      await world.advance(Math.max(0, session.atMs - world.nowMs));
      void new Person(world, session, number + 1).come();
    }
    await world.advance(2 * FAULTS_MS - world.nowMs);
    world.heal();
    for (const project of [0, 1]) void new Person(world, { ...LATE, project }, sessions.length + 1 + project).come();
    await world.advance(HEALED_MS);
  },
  checks: [
    linearizableBy(guarded, (operation): operation is Operation<Input, Output> => operation.key.startsWith('d')),
  ],
});
