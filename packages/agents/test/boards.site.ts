// The boards of one world: where they are kept, and what serves them on each node.
import { CoordinationError } from '@devmentor/locks';
import { createRuntime } from '@devmentor/runtime';
import type { History, Program, Seen, SimNode, World } from '@devmentor/runtime/simulation';
import { BlackboardSystem, type BoardHead, type Contribution, type Entry, MemoryBoardStore } from '../src/index.ts';
import { BoardPlace } from './boards.line.ts';
import { sourcesOf } from './boards.sources.ts';
import { type Pause, Watcher } from './boards.watcher.ts';

/** Who places the controllers of boards. */
export type Placing = 'leases' | 'runtime';

interface Served {
  readonly boards: BlackboardSystem;
  readonly pause: Pause;
}

const START_MS = 1_700_000_000_000;
const sites = new WeakMap<SimNode | History, Site>();

/** Serves boards on a node, once its world has a site. */
export const serveBoards = async (node: SimNode): Promise<Program | undefined> => await sites.get(node)?.join(node);

export function siteOf({ history }: Seen): Site {
  const site = sites.get(history);
  if (site === undefined) throw new Error('a run with boards has a site');
  return site;
}

export class Site {
  readonly watchers: Watcher[] = [];
  readonly #placing: Placing;
  readonly #store: MemoryBoardStore;
  readonly #place: BoardPlace;
  readonly #served = new Map<string, Served>();
  readonly #acted = new Set<string>();

  /** Every node of the world serves boards from now on, in a new process. */
  static open(world: World, placing: Placing): Site {
    const site = new Site(world, placing);
    sites.set(world.history, site);
    for (const node of world.nodes) {
      sites.set(node, site);
      node.end();
      node.restart();
    }
    return site;
  }

  private constructor(world: World, placing: Placing) {
    this.#placing = placing;
    this.#store = new MemoryBoardStore({ clock: { wallMs: () => START_MS + world.nowMs + jumpsOf(world) } });
    this.#place = new BoardPlace(world, this.#store);
  }

  async join(node: SimNode): Promise<Program> {
    const { clock, entropy, transport, state } = node.ports;
    const { locks, name } = node;
    const pause: Pause = (ms) => new Promise((resolve) => void clock.after(ms, resolve));
    const boards = new BlackboardSystem({
      store: this.#place.line(node),
      locks,
      transport,
      clock,
      entropy,
      sources: sourcesOf(pause, (run) => this.#acts(run)),
      workers: { concurrency: 2 },
    });
    this.#served.set(name, { boards, pause });
    if (this.#placing === 'leases') await boards.start();
    else {
      const cluster = { clock, entropy, locks, state, transport };
      const runtime = createRuntime({ ...cluster, actors: boards.actors, node: { id: name } });
      await runtime.start();
      await boards.start({ runtime });
    }
    for (const watcher of this.watchers) {
      if (watcher.node !== name) continue;
      if (watcher.seen.length > 0) this.#place.reached('a watcher went on in another process');
      void watcher.follow(boards, pause);
    }
    return { stop: async () => await boards.stop() };
  }

  boards(node: SimNode): BlackboardSystem {
    const served = this.#served.get(node.name);
    if (served === undefined)
      throw new CoordinationError('STORE_UNAVAILABLE', 'boards are not served here yet', { applied: 'no' });
    return served.boards;
  }

  /** Follows the board on this node, and goes on after each restart. */
  watch(node: SimNode, board: string): void {
    const watcher = new Watcher(node.name, board);
    this.watchers.push(watcher);
    const served = this.#served.get(node.name);
    if (node.program !== undefined && served !== undefined) void watcher.follow(served.boards, served.pause);
  }

  /** Every board as it is kept. */
  async heads(): Promise<readonly BoardHead[]> {
    return (await this.#store.list({ limit: 100 })).items;
  }

  async log(board: string): Promise<readonly Entry[]> {
    return (await this.#store.read(board, 0, 10_000)).entries;
  }

  /** The texts of these contributions of files, by their path. */
  async texts(board: string, said: readonly Contribution[]): Promise<ReadonlyMap<string, string>> {
    const files = said
      .filter(({ kind }) => kind === 'file')
      .map(({ subject, evidence: [place] }) => ({ subject, place }));
    const texts = await this.#store.files(
      board,
      files.map(({ place }) => place?.sha256 ?? ''),
    );
    return new Map(files.map(({ subject, place }) => [subject.file ?? '', texts.get(place?.sha256 ?? '') ?? '']));
  }

  #acts(run: string): void {
    if (this.#acted.has(run)) this.#place.reached('a source acted more than once');
    this.#acted.add(run);
  }
}

/** By how much the plan has set the clock of the stores ahead. */
function jumpsOf({ faults }: World): number {
  let ms = 0;
  for (const { fault, struck } of faults)
    if (struck && fault.kind === 'clock' && fault.node === 'store') ms += fault.wallMs;
  return ms;
}
