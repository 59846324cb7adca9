import {
  type Clock,
  type Entropy,
  type LockManager,
  MemoryLockManager,
  systemClock,
  systemEntropy,
  type Unsubscribe,
} from '@devmentor/locks';
import type { Json, LogStore, Runtime } from '@devmentor/runtime';
import type { AgentsPorts, Order } from './agents-ports.ts';
import { fileIn, knowledgeOf, storeFiles } from './board-files.ts';
import type { Steering } from './board-status.ts';
import { isOpen } from './board-status.ts';
import { MemoryBoardStore } from './board-store.memory.ts';
import type { BoardStore } from './board-store.ts';
import { boardTopics } from './board-topics.ts';
import { type BoardView, type PlacedContribution, placed, viewOf } from './board-view.ts';
import { BlackboardController } from './controller.ts';
import { cursorOf, revOf } from './cursor.ts';
import type { Entry } from './entry.ts';
import { afterWrite, BoardError, notFound, rejected } from './errors.ts';
import { BoardHints } from './hints.ts';
import { checkId, draftOf, type Knowledge } from './knowledge.ts';
import { authorOf, defineKnowledgeSource, type IKnowledgeSource, type Specialist } from './knowledge-source.ts';
import { type Budget, checkBudget, checkProblem, type Problem } from './problem.ts';
import { KnowledgeBases, type SharedKnowledgeBase } from './shared-knowledge-base.ts';
import type { Reason, Solution } from './solution.ts';
import type { Transport } from './transport.ts';
import { Wake } from './wake.ts';
import { orderSubject, Workers } from './workers.ts';

export interface BlackboardSystemOptions {
  /** Default: in this process's memory. */
  readonly store?: BoardStore;
  /** Who leads and who runs; shared by all processes that share the store. Default: in memory. */
  readonly locks?: LockManager;
  /** Carries orders and hints between processes. Without one, everything runs in this process. */
  readonly transport?: Transport;
  /** Names the deployment in subjects. @default 'devmentor' */
  readonly namespace?: string;
  readonly sources?: readonly (IKnowledgeSource | Specialist)[];
  /** Runs activations here, so many at a time; `false`: other processes do. @default { concurrency: 4 } */
  readonly workers?: { readonly concurrency: number } | false;
  /** Leads boards here; a pure worker does not. @default true */
  readonly controllers?: boolean;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  /** What went wrong and was lived with: for a log. */
  readonly onFault?: (fault: unknown) => void;
}

export interface OpenBoard {
  readonly problem: Problem;
  /** The same id opens the same board. Default: a fresh one. */
  readonly id?: string;
  /** Names of the knowledge sources or specialists to ask. Default: all that are registered. */
  readonly sources?: readonly string[];
  readonly budget?: Partial<Budget>;
  readonly deadlineMs?: number;
  /** Activations in flight at one time. @default 32 */
  readonly concurrency?: number;
  /** The opener's own; shown with the board. */
  readonly meta?: Json;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor?: string;
}

const READ_AT_ONCE = 500;
const LOOK_MS = 500;

/**
 * Blackboards: problems that specialists solve together.
 *
 * Everything it needs has a default in memory. Processes that share store, locks and transport
 * share the boards: any of them may open, contribute, control and run.
 */
export class BlackboardSystem {
  readonly #ports: AgentsPorts;
  readonly #sources = new Map<string, IKnowledgeSource>();
  readonly #specialists = new Map<string, readonly IKnowledgeSource[]>();
  readonly #controller: BlackboardController;
  readonly #workers: Workers | undefined;
  readonly #bases: KnowledgeBases;
  readonly #leads: boolean;
  readonly #ownLocks: LockManager | undefined;
  #started: Promise<void> | undefined;
  #stopped = false;

  constructor(options: BlackboardSystemOptions = {}) {
    const {
      clock = systemClock,
      entropy = systemEntropy,
      namespace = 'devmentor',
      transport,
      workers = { concurrency: 4 },
    } = options;
    this.#ownLocks = options.locks === undefined ? new MemoryLockManager({ clock, entropy }) : undefined;
    this.#ports = {
      store: options.store ?? new MemoryBoardStore({ clock }),
      locks: options.locks ?? (this.#ownLocks as LockManager),
      transport,
      namespace,
      clock,
      entropy,
      hints: new BoardHints(namespace, transport),
      sources: this.#sources,
      node: entropy.id(),
      onFault: options.onFault ?? (() => undefined),
    };
    this.#leads = options.controllers ?? true;
    this.#bases = new KnowledgeBases(this.#ports.store, clock);
    this.#workers = workers === false ? undefined : new Workers(this.#ports, workers.concurrency);
    this.#controller = new BlackboardController(this.#ports, (order) => this.#dispatch(order));
    this.registerKnowledgeSources(options.sources ?? []);
  }

  /** Actor types for `createRuntime({ actors })`, where a runtime is to place the controllers. */
  get actors(): readonly [BlackboardController['actor']] {
    return [this.#controller.actor];
  }

  get controller(): BlackboardController {
    return this.#controller;
  }

  /** Every process that leads boards registers the same sources. */
  registerKnowledgeSources(sources: readonly (IKnowledgeSource | Specialist)[]): void {
    for (const given of sources) {
      const parts = 'sources' in given ? given.sources : [given];
      for (const source of parts) {
        const defined = defineKnowledgeSource(source);
        this.#sources.set(authorOf(defined), defined);
        if (this.#started !== undefined) this.#workers?.serve(defined).catch(this.#ports.onFault);
      }
      this.#specialists.set(given.name, parts);
    }
  }

  /** Names that `sources` of a new board may hold. */
  get registered(): readonly string[] {
    return [...this.#specialists.keys()];
  }

  /** Begins to lead and to run. Every other call does so by itself; a runtime is given here, before. */
  start(options: { readonly runtime?: Runtime } = {}): Promise<void> {
    if (options.runtime !== undefined && this.#started !== undefined) {
      return Promise.reject(new BoardError('AGENTS_CONFIG', 'A runtime is given before the boards are used'));
    }
    this.#started ??= this.#start(options.runtime);
    return this.#started;
  }

  /** Ends what runs here and gives up what is led here; the boards stay in the store. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#started?.catch(() => undefined);
    await this.#workers?.stop();
    await this.#controller.stop();
    await this.#ports.hints.close();
    await this.#ownLocks?.close();
  }

  /** Opens a board on a problem, with fresh id, and answers with the id. */
  async initializeProblem(problem: Problem): Promise<string> {
    return (await this.open({ problem })).board.id;
  }

  async open(wanted: OpenBoard): Promise<{ readonly kind: 'opened' | 'exists'; readonly board: BoardView }> {
    await this.start();
    const { problem, deadlineMs, meta, concurrency = 32 } = wanted;
    const { title, description, files = [] } = checkProblem(problem);
    const budget = checkBudget(wanted.budget ?? {});
    if (files.length > budget.contributions)
      throw new BoardError(
        'BUDGET_EXCEEDED',
        `The problem has ${files.length} files; the budget holds ${budget.contributions} contributions`,
      );
    const stored = storeFiles(files);
    const settings = {
      sources: this.#named(wanted.sources),
      budget,
      concurrency,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(meta === undefined ? {} : { meta }),
    };
    const id = checkId(wanted.id ?? this.#ports.entropy.id());
    const made = await this.#ports.store.create({
      id,
      problem: { title, description, files: stored.files },
      settings,
      files: stored.texts,
      contributions: stored.drafts,
    });
    this.#touched(id);
    const { board } = await afterWrite(() => this.#base(id));
    return { kind: made.kind === 'created' ? 'opened' : 'exists', board: viewOf(board) };
  }

  /**
   * Adds what a person or program has to say; it wakes a board that has come to rest.
   *
   * With `knowledge.id`, saying the same again changes nothing, and saying something else makes
   * the next version. `{ level: 'source', value: { path, content } }` brings a file.
   */
  async contribute(id: string, source: string, knowledge: Knowledge): Promise<PlacedContribution> {
    await this.start();
    const file = fileIn(knowledge);
    const given = file === undefined ? knowledge : knowledgeOf(file);
    const draft = draftOf(given, {
      author: source,
      ...(given.subject === undefined ? { id: this.#ports.entropy.id() } : {}),
    });
    const texts = new Map(file === undefined ? [] : storeFiles([file]).texts);
    const outcome = await this.#ports.store.contribute(id, [draft], texts);
    switch (outcome.kind) {
      case 'contributed': {
        this.#touched(id);
        const rev = outcome.contributions[0]?.rev ?? 0;
        const { entries } = await afterWrite(() => this.#ports.store.read(id, rev - 1, 1));
        const [entry] = entries;
        if (entry?.kind !== 'contribution') throw notFound(id);
        return placed(entry);
      }
      case 'missing':
        throw notFound(id);
      case 'closed':
        throw new BoardError('BOARD_CLOSED', `Board ${id} has ended (${outcome.status})`, { board: id });
      case 'unknown-support':
        throw rejected(`the board has no contribution ${outcome.id} to link to`);
      case 'over-budget':
        throw new BoardError('BUDGET_EXCEEDED', `Board ${id} holds as many contributions as its budget allows`, {
          board: id,
        });
    }
  }

  /** Contributions in the order of the log, every version of them. */
  async contributions(
    id: string,
    query: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<Page<PlacedContribution>> {
    const limit = query.limit ?? 100;
    let rev = fromCursor(query.after);
    if ((await this.#ports.store.head(id)) === undefined) throw notFound(id);
    const items: PlacedContribution[] = [];
    for (;;) {
      const { entries } = await this.#ports.store.read(id, rev, READ_AT_ONCE);
      for (const entry of entries) {
        rev = entry.rev;
        if (entry.kind !== 'contribution') continue;
        if (items.length === limit) return { items, nextCursor: items.at(-1)?.cursor ?? cursorOf(rev) };
        items.push(placed(entry));
      }
      if (entries.length < READ_AT_ONCE) return { items };
    }
  }

  /** The board as it is; throws BOARD_NOT_FOUND. */
  async board(id: string): Promise<BoardView> {
    return viewOf((await this.#base(id)).board);
  }

  /** Boards, newest first. */
  async boards(query: { readonly after?: string; readonly limit?: number } = {}): Promise<Page<BoardView>> {
    const page = await this.#ports.store.list({
      limit: query.limit ?? 20,
      ...(query.after === undefined ? {} : { after: query.after }),
    });
    const bases = await Promise.all(page.items.map(({ id }) => this.#bases.get(id)));
    const items = bases.flatMap((base) => (base === undefined ? [] : [viewOf(base.board)]));
    return { items, ...(page.next === undefined ? {} : { nextCursor: page.next }) };
  }

  /** The Solution of a board at rest; of one at work, what it has to say so far. */
  async synthesizeSolution(id: string): Promise<Solution> {
    const { board } = await this.#base(id);
    const { solution } = board;
    if (solution !== undefined && (board.status === 'solved' || board.status === 'failed')) return solution;
    const reason: Reason = board.status === 'cancelled' ? 'cancelled' : 'asked';
    return this.#controller.synthesize(board, reason);
  }

  /** The Solution that the board last came to; undefined before the first. */
  async solution(id: string): Promise<Solution | undefined> {
    return (await this.#base(id)).board.solution;
  }

  /** Resolves when the board has nothing more to do: solved, failed or cancelled. */
  async settled(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<BoardView> {
    await this.start();
    this.#controller.evaluateProgress(id);
    using changes = this.#wakeOf(id, options.signal);
    for (;;) {
      options.signal?.throwIfAborted();
      const { board } = await this.#base(id);
      if (!isOpen(board.status)) return viewOf(board);
      await changes.wake.wait(LOOK_MS);
    }
  }

  pause(id: string, why = 'asked for'): Promise<BoardView> {
    return this.#steer(id, 'pause', why);
  }

  resume(id: string, why = 'asked for'): Promise<BoardView> {
    return this.#steer(id, 'resume', why);
  }

  /** Ends the board now: nothing that still runs for it will commit. */
  cancel(id: string, why = 'asked for'): Promise<BoardView> {
    return this.#steer(id, 'cancel', why);
  }

  /** Deletes a board with its log; false when there is none. */
  async remove(id: string): Promise<boolean> {
    const removed = await this.#ports.store.remove(id);
    this.#bases.forget(id);
    this.#ports.hints.tell(id);
    return removed;
  }

  /** The text of one of the board's files, by its hash; for following a statement to its evidence. */
  async file(id: string, sha256: string): Promise<string | undefined> {
    return (await this.#ports.store.files(id, [sha256])).get(sha256);
  }

  /** Entries after a cursor, then each new one, until `signal` aborts or the board is removed. */
  async *watch(
    id: string,
    options: { readonly after?: string; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Entry & { readonly cursor: string }> {
    await this.start();
    let rev = fromCursor(options.after);
    using changes = this.#wakeOf(id, options.signal);
    while (options.signal?.aborted !== true) {
      const { entries } = await this.#ports.store.read(id, rev, READ_AT_ONCE);
      for (const entry of entries) {
        rev = entry.rev;
        yield { ...entry, cursor: cursorOf(rev) };
      }
      if (entries.length > 0) continue;
      if ((await this.#ports.store.head(id)) === undefined) return;
      await changes.wake.wait(LOOK_MS);
    }
  }

  /** The boards' logs as topics `blackboard:<id>`, for whoever reads a LogStore. */
  get topics(): LogStore {
    return boardTopics(this.#ports.store);
  }

  /** Told soon after a board changed, here or elsewhere; a hint, which may be lost. */
  onChange(listener: (id: string) => void): Unsubscribe {
    return this.#ports.hints.on(listener);
  }

  async #start(runtime: Runtime | undefined): Promise<void> {
    await this.#ports.hints.open();
    await this.#workers?.start();
    if (this.#leads) this.#controller.start(runtime);
  }

  #dispatch(order: Order): void {
    const { transport, namespace } = this.#ports;
    if (transport === undefined) this.#workers?.accept(order);
    else if (transport.status === 'connected')
      transport.publish(orderSubject(namespace, order.source), Buffer.from(JSON.stringify(order)));
  }

  async #steer(id: string, what: Steering, why: string): Promise<BoardView> {
    await this.start();
    const outcome = await this.#ports.store.steer(id, what, why);
    if (outcome.kind === 'missing') throw notFound(id);
    if (outcome.kind === 'refused')
      throw new BoardError('BOARD_STATE', `Board ${id} is ${outcome.status}; it cannot be asked to ${what}`, {
        board: id,
      });
    this.#touched(id);
    return viewOf((await afterWrite(() => this.#base(id))).board);
  }

  #touched(id: string): void {
    this.#ports.hints.tell(id);
    this.#controller.evaluateProgress(id);
  }

  async #base(id: string): Promise<SharedKnowledgeBase> {
    const base = await this.#bases.get(id);
    if (base === undefined) throw notFound(id);
    return base;
  }

  /** Wakes at every hint about the board and when the signal aborts, until it is disposed. */
  #wakeOf(id: string, signal: AbortSignal | undefined): { readonly wake: Wake } & Disposable {
    const wake = new Wake(this.#ports.clock);
    const noted = (): void => wake.note();
    const unsubscribe = this.#ports.hints.on((board) => {
      if (board === id) wake.note();
    });
    signal?.addEventListener('abort', noted);
    return {
      wake,
      [Symbol.dispose]: () => {
        unsubscribe();
        signal?.removeEventListener('abort', noted);
      },
    };
  }

  #named(names: readonly string[] | undefined): readonly string[] {
    const chosen = (names ?? this.registered).flatMap((name) => {
      const parts = this.#specialists.get(name);
      if (parts === undefined)
        throw new BoardError(
          'SOURCE_UNKNOWN',
          `No knowledge source is named ${JSON.stringify(name)}; there are ${this.registered.join(', ') || 'none'}`,
        );
      return parts.map(authorOf);
    });
    return [...new Set(chosen)];
  }
}

function fromCursor(cursor: string | undefined): number {
  const rev = cursor === undefined || cursor === '' ? 0 : revOf(cursor);
  if (rev === undefined) throw rejected('that is no cursor of a board');
  return rev;
}
