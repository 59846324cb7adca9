// People who open boards, say things there, steer them, look at them and wait for them, each on a node.
import { createHash } from 'node:crypto';
import type { Outcome, World } from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import type { BlackboardSystem, BoardView, Knowledge, Problem } from '../src/index.ts';
import type { Site } from './boards.site.ts';
import { FILES, pathOf } from './boards.sources.ts';

/** Somebody comes to a board. */
export interface Visit {
  readonly do: 'open' | 'bring a file' | 'remark' | 'pause' | 'look' | 'wait' | 'watch';
  readonly node: number;
  readonly board: number;
  /** Since the beginning, so that visits left out move no other. */
  readonly atMs: number;
  readonly file: number;
  /** Which text the file has, or which remark it is. */
  readonly text: number;
}

export const NODES = 3;
/** Visits and faults begin until then. */
export const FAULTS_MS = 8_000;
export const PERSON = 'ada';
export const BOARDS = 2;
const PAUSED_MS = 1_000;
const AGAIN_MS = 500;

export const visit: fc.Arbitrary<Visit> = fc.record({
  do: fc.constantFrom(
    'look',
    'bring a file',
    'bring a file',
    'remark',
    'wait',
    'bring a file',
    'watch',
    'remark',
    'pause',
    'open',
  ),
  node: fc.nat({ max: NODES - 1 }),
  board: fc.nat({ max: BOARDS - 1 }),
  atMs: fc.nat({ max: FAULTS_MS }),
  file: fc.nat({ max: FILES - 1 }),
  text: fc.nat({ max: 2 }),
});

export type Asked =
  | { readonly kind: 'say'; readonly item: string }
  | { readonly kind: 'open' | 'pause' | 'resume' | 'look' | 'wait' };

/** `view`: of the board as it was at that revision, or later. */
export interface Answered {
  readonly kind: 'said' | 'view';
  readonly rev: number;
}

export const boardOf = (board: number): string => `b${board}`;

export function problemOf(text: (file: number) => string): Problem {
  const files = Array.from({ length: FILES }, (_, file) => ({ path: pathOf(file), content: text(file) }));
  return { title: 'Add up', description: '', files };
}

export function remarkOf(id: string): Knowledge {
  return { id, level: 'finding', kind: 'remark', value: `it is ${id}` };
}

const contentOf = (file: number, text: number): string => `${pathOf(file)} ${text}`;
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
export const viewed = ({ revision }: BoardView): Answered => ({ kind: 'view', rev: revision });

export class Person {
  readonly #world: World;
  readonly #site: Site;
  readonly #visit: Visit;
  readonly #who: string;
  readonly #board: string;

  constructor(world: World, site: Site, visit: Visit, number: number) {
    this.#world = world;
    this.#site = site;
    this.#visit = visit;
    this.#who = `p${number}`;
    this.#board = boardOf(visit.board);
  }

  async come(): Promise<void> {
    const { do: act, file, text } = this.#visit;
    const id = this.#board;
    switch (act) {
      case 'open': {
        const problem = problemOf((file) => contentOf(file, 0));
        await this.#insist('open', { kind: 'open' }, async (boards) =>
          viewed((await boards.open({ id, problem })).board),
        );
        return;
      }
      case 'bring a file': {
        const content = contentOf(file, text);
        await this.#say({ level: 'source', value: { path: pathOf(file), content } }, hashOf(content));
        return;
      }
      case 'remark': {
        const remark = `remark-${text}`;
        if ((await this.#say(remarkOf(remark), remark)).kind === 'unknown')
          await this.#say(remarkOf(remark), remark, 1);
        return;
      }
      case 'look':
        await this.#ask('look', { kind: 'look' }, async (boards) => viewed(await boards.board(id)));
        return;
      case 'wait':
        await this.#ask('wait', { kind: 'wait' }, async (boards) => viewed(await boards.settled(id)));
        return;
      case 'pause':
        await this.#ask('pause', { kind: 'pause' }, async (boards) => viewed(await boards.pause(id)));
        await this.#world.advance(PAUSED_MS);
        await this.#resume(1);
        return;
      case 'watch':
        this.#site.watch(this.#world.node(this.#visit.node), id);
    }
  }

  async #resume(shift: number): Promise<void> {
    const id = this.#board;
    await this.#ask('resume', { kind: 'resume' }, async (boards) => viewed(await boards.resume(id)), shift);
  }

  async #say(knowledge: Knowledge, item: string, shift = 0): Promise<Outcome<Answered>> {
    const say = async (boards: BlackboardSystem): Promise<Answered> => {
      const { revision } = await boards.contribute(this.#board, PERSON, knowledge);
      return { kind: 'said', rev: revision };
    };
    return await this.#ask('say', { kind: 'say', item }, say, shift);
  }

  /** Who does not know asks again, on another node. */
  async #insist(op: string, input: Asked, work: (boards: BlackboardSystem) => Promise<Answered>): Promise<void> {
    for (let shift = 0; shift < NODES; shift++) {
      if ((await this.#ask(op, input, work, shift)).kind === 'ok') return;
      await this.#world.advance(AGAIN_MS);
    }
  }

  async #ask(
    op: string,
    input: Asked,
    work: (boards: BlackboardSystem) => Promise<Answered>,
    shift = 0,
  ): Promise<Outcome<Answered>> {
    const node = this.#world.node((this.#visit.node + shift) % NODES);
    const asked = { op, key: this.#board, input, process: this.#who };
    return await node.perform<Asked, Answered>(asked, async (node) => await work(this.#site.boards(node)));
  }
}
