// Boards
//
// The cases of use of a blackboard, as the routes call them.
//
//   BB1  A board exists for the user who opened it; for everybody else it is not there.
//   BB2  The same problem id of a user opens the same board; an idempotency key likewise.
//   BB3  A board is in its owner's list from the moment its opening was answered.
import type { BlackboardSystem, BoardStore, PlacedContribution, Problem as Wanted } from '@devmentor/agents';
import { BoardError } from '@devmentor/agents';
import type {
  Blackboard,
  BoardProblem,
  ContributeRequest,
  Contribution,
  CreateBlackboardRequest,
  Page,
  Solution,
} from '@devmentor/contracts';
import type { RecordStore } from '@devmentor/runtime';
import type { Caller } from '../auth/access-tokens.ts';
import { digest } from '../http/idempotency.ts';
import { Problem } from '../problem.ts';
import { type BoardMeta, boardToWire, contributionToWire, metaOf, solutionToWire } from './board-wire.ts';
import { ProblemShelf } from './problem-shelf.ts';

export interface BoardsOptions {
  readonly system: BlackboardSystem;
  readonly store: BoardStore;
  readonly records: RecordStore;
}

type Control = 'pause' | 'resume' | 'cancel';

export class Boards {
  readonly #system: BlackboardSystem;
  readonly #store: BoardStore;
  readonly #records: RecordStore;
  readonly #shelf: ProblemShelf;

  constructor({ system, store, records }: BoardsOptions) {
    this.#system = system;
    this.#store = store;
    this.#records = records;
    this.#shelf = new ProblemShelf(records);
  }

  putProblem(userId: string, id: string, problem: BoardProblem): Promise<void> {
    return this.#shelf.put(userId, id, problem);
  }

  /** `seed` names a board that is opened on a problem given here. */
  async open(
    userId: string,
    request: CreateBlackboardRequest,
    seed: string,
  ): Promise<{ readonly isNew: boolean; readonly board: Blackboard }> {
    const problemId = 'problemId' in request ? request.problemId : undefined;
    const problem = 'problem' in request ? request.problem : await this.#shelf.get(userId, request.problemId);
    if (problem === undefined) throw new Problem('NOT_FOUND', 'no such problem');
    const meta: BoardMeta = { ownerId: userId, ...(problemId !== undefined && { problemId }) };
    const { kind, board } = await this.#system
      .open({
        id: problemId === undefined ? seed : digest([userId, problemId]),
        problem: wanted(problem),
        meta,
        ...(request.sources !== undefined && { sources: request.sources }),
        budget: Object.fromEntries(Object.entries(request.budget ?? {}).filter(([, value]) => value !== undefined)),
      })
      .catch(asOpening);
    await this.#records.put(placeOf(userId, board.createdAtMs, board.id), null, { expects: 'any' });
    return { isNew: kind === 'opened', board: boardToWire(board) };
  }

  /** The caller's, newest first. */
  async list(
    userId: string,
    { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
  ): Promise<Page<Blackboard>> {
    const prefix = prefixOf(userId);
    const after = cursor === undefined ? {} : { after: prefix + placeIn(cursor) };
    const found = await this.#records.list(prefix, { ...after, limit: limit + 1 });
    const places = found.slice(0, limit).map(({ key }) => key.slice(prefix.length));
    const boards = await Promise.all(places.map((place) => this.#find(place.slice(place.indexOf('/') + 1))));
    const last = found.length > limit ? places.at(-1) : undefined;
    return {
      items: boards.filter((board) => board !== undefined),
      ...(last !== undefined && { nextCursor: Buffer.from(last).toString('base64url') }),
    };
  }

  async get(userId: string, id: string): Promise<Blackboard> {
    await this.expectReadable(userId, id);
    return boardToWire(await this.#system.board(id));
  }

  async delete(userId: string, id: string): Promise<void> {
    const { createdAtMs } = await this.expectReadable(userId, id);
    await this.#system.remove(id);
    await this.#records.delete(placeOf(userId, createdAtMs, id));
  }

  /** Under the same `seed` the same contribution. */
  async contribute(caller: Caller, id: string, request: ContributeRequest, seed: string): Promise<Contribution> {
    await this.expectReadable(caller.userId, id);
    const { level, value, confidence, links } = request.knowledge;
    const placed: PlacedContribution = await this.#system.contribute(id, request.source ?? caller.displayName, {
      id: seed,
      level,
      value,
      ...(confidence !== undefined && { confidence }),
      ...(links !== undefined && { links }),
    });
    return contributionToWire(placed);
  }

  async contributions(
    userId: string,
    id: string,
    { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<Page<Contribution>> {
    await this.expectReadable(userId, id);
    const page = await this.#system.contributions(id, { limit, ...(after !== undefined && { after }) });
    return { ...page, items: page.items.map(contributionToWire) };
  }

  async synthesize(userId: string, id: string): Promise<Solution> {
    await this.expectReadable(userId, id);
    return solutionToWire(await this.#system.synthesizeSolution(id));
  }

  async solution(userId: string, id: string): Promise<Solution> {
    await this.expectReadable(userId, id);
    const solution = await this.#system.solution(id);
    if (solution === undefined) throw new Problem('NOT_FOUND', 'the board has not come to a solution yet');
    return solutionToWire(solution);
  }

  async steer(userId: string, id: string, what: Control): Promise<Blackboard> {
    await this.expectReadable(userId, id);
    return boardToWire(await this.#system[what](id));
  }

  /** BB1 */
  async expectReadable(userId: string, id: string): Promise<{ readonly createdAtMs: number }> {
    const head = await this.#store.head(id);
    if (head === undefined || metaOf(head.settings.meta)?.ownerId !== userId)
      throw new Problem('NOT_FOUND', 'no such blackboard');
    return head;
  }

  /** A board may have gone since it was listed. */
  async #find(id: string): Promise<Blackboard | undefined> {
    try {
      return boardToWire(await this.#system.board(id));
    } catch (error) {
      if (error instanceof BoardError && error.code === 'BOARD_NOT_FOUND') return undefined;
      throw error;
    }
  }
}

function wanted({ title, description, files }: BoardProblem): Wanted {
  return { title, description, ...(files !== undefined && { files }) };
}

/** What cannot be opened was asked for wrongly. */
function asOpening(error: unknown): never {
  if (error instanceof BoardError && error.code === 'BUDGET_EXCEEDED')
    throw Problem.invalid([{ pointer: '/budget/contributions', message: 'is less than the problem has files' }]);
  throw error;
}

function prefixOf(userId: string): string {
  return `board-of/${userId}/`;
}

/** Keys are listed in ascending order: the newest board has the least. */
function placeOf(userId: string, createdAtMs: number, id: string): string {
  return `${prefixOf(userId)}${String(Number.MAX_SAFE_INTEGER - createdAtMs)}/${id}`;
}

function placeIn(cursor: string): string {
  const place = Buffer.from(cursor, 'base64url').toString();
  if (!/^\d{16}\/[A-Za-z0-9._~-]{1,128}$/.test(place))
    throw Problem.invalid([{ pointer: '/cursor', message: 'is not a cursor of this list' }]);
  return place;
}
