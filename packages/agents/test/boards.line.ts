// A board store as a node of a world reaches it: each call is one over the node's line to the one store behind it,
// where it is seen under which fences writers were admitted, and what else is worth seeing.
import type { SimNode, World } from '@devmentor/runtime/simulation';
import type { BoardStore, Run } from '../src/index.ts';

/** States worth reaching. */
export const MILESTONES = [
  'a leader took over while an activation ran',
  'a former leader was turned away',
  'a run was lost',
  'a former run was turned away',
  'a source acted more than once',
  'a commit was said again, and known',
  'what a run had read was superseded',
  'a run went on while its board was paused',
  'a board at rest was woken',
  'a board was opened twice',
  'a watcher went on in another process',
] as const;
export type Milestone = (typeof MILESTONES)[number];

/** The place where boards are kept, and what is known there of their runs. */
export class BoardPlace {
  readonly #world: World;
  readonly #store: BoardStore;
  /** Runs under way, and the fences under which activations were committed. */
  readonly #running = new Set<string>();
  readonly #committed = new Map<string, string>();

  constructor(world: World, store: BoardStore) {
    this.#world = world;
    this.#store = store;
  }

  reached(label: Milestone): void {
    this.#world.saw('world', { kind: 'reached', label });
  }

  line({ name, ports }: SimNode): BoardStore {
    const store = this.#store;
    const at = async <T>(label: string, work: () => Promise<T>): Promise<T> => await ports.at(label, work);
    const guarded = (key: string, by: string, fence: string, kind: string): void => {
      const admitted = kind === 'written' || kind === 'contributed' || kind === 'sealed';
      if (admitted || kind === 'fenced') this.#world.saw('world', { kind: 'guarded-write', key, by, fence, admitted });
    };
    const ran = (board: string, run: Run, kind: string): void => {
      guarded(`${board}/${run.key}`, run.worker, run.fence, kind);
      if (kind === 'fenced') this.reached('a former run was turned away');
    };
    const ended = (board: string, run: Run, kind: string): void => {
      ran(board, run, kind);
      if (kind === 'written' || kind === 'contributed') this.#running.delete(`${board}/${run.key}`);
    };
    return {
      create: (board) =>
        at(`open ${board.id}`, async () => {
          const made = await store.create(board);
          if (made.kind === 'exists') this.reached('a board was opened twice');
          return made;
        }),
      head: (id) => at(`head ${id}`, () => store.head(id)),
      read: (id, after, limit) => at(`read ${id} after ${after}`, () => store.read(id, after, limit)),
      files: (id, hashes) => at(`files ${id}`, () => store.files(id, hashes)),
      list: (query) => at('list', () => store.list(query)),
      open: (limit) => at('open boards', () => store.open(limit)),
      remove: (id) => at(`remove ${id}`, () => store.remove(id)),
      contribute: (id, contributions, files) =>
        at(`contribute ${id}`, async () => {
          const before = await store.head(id);
          const outcome = await store.contribute(id, contributions, files);
          if (before?.status === 'solved' && outcome.kind === 'contributed' && outcome.rev > before.rev)
            this.reached('a board at rest was woken');
          return outcome;
        }),
      steer: (id, what, why) => at(`${what} ${id}`, () => store.steer(id, what, why)),
      seal: (id, epoch) =>
        at(`seal ${id}`, async () => {
          const before = await store.head(id);
          const sealed = await store.seal(id, epoch);
          guarded(id, name, epoch, sealed.kind);
          const isTakeover = sealed.kind === 'sealed' && before?.epoch !== '' && before?.epoch !== epoch;
          if (isTakeover && [...this.#running].some((run) => run.startsWith(`${id}/`)))
            this.reached('a leader took over while an activation ran');
          return sealed;
        }),
      record: (id, entries, under) =>
        at(`record ${id} ${entries.map(({ kind }) => kind).join(', ')}`, async () => {
          const outcome = await store.record(id, entries, under);
          guarded(id, name, under.epoch, outcome.kind);
          if (outcome.kind === 'fenced') this.reached('a former leader was turned away');
          return outcome;
        }),
      start: (id, run) =>
        at(`start ${id}/${run.key}`, async () => {
          const outcome = await store.start(id, run);
          ran(id, run, outcome.kind);
          if (outcome.kind === 'written') this.#running.add(`${id}/${run.key}`);
          return outcome;
        }),
      commit: (id, run, result) =>
        at(`commit ${id}/${run.key}`, async () => {
          const before = await store.head(id);
          const outcome = await store.commit(id, run, result);
          ended(id, run, outcome.kind);
          if (outcome.kind === 'stale') this.reached('what a run had read was superseded');
          if (outcome.kind === 'already' && this.#committed.get(`${id}/${run.key}`) === run.fence)
            this.reached('a commit was said again, and known');
          if (outcome.kind === 'contributed') {
            this.#committed.set(`${id}/${run.key}`, run.fence);
            if (before?.status === 'paused') this.reached('a run went on while its board was paused');
          }
          return outcome;
        }),
      fail: (id, run, failure) =>
        at(`fail ${id}/${run.key}`, async () => {
          const outcome = await store.fail(id, run, failure);
          // A controller of an older epoch is turned away whatever the run's fence.
          if (failure.epoch === undefined || outcome.kind !== 'fenced') ended(id, run, outcome.kind);
          if (failure.failure === 'lost' && outcome.kind === 'written') this.reached('a run was lost');
          return outcome;
        }),
      obviate: (id, run, why) =>
        at(`obviate ${id}/${run.key}`, async () => {
          const outcome = await store.obviate(id, run, why);
          ended(id, run, outcome.kind);
          return outcome;
        }),
    };
  }
}
