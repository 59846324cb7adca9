import { CoordinationError, type FaultFacts } from '@devmentor/locks';

/** Codes of this package. `STORE_UNAVAILABLE` and `REPLY_LOST` come from `@devmentor/locks`. */
export const BOARD_CODES = [
  /** No board of this id. */
  'BOARD_NOT_FOUND',
  /** The board has ended and takes nothing more. */
  'BOARD_CLOSED',
  /** The board is in a state from which this cannot be done. */
  'BOARD_STATE',
  /** The board's budget has no room for this. */
  'BUDGET_EXCEEDED',
  /** A contribution, problem or id that a board does not take. */
  'KNOWLEDGE_REJECTED',
  /** No knowledge source of this name is registered here. */
  'SOURCE_UNKNOWN',
  /** A system or knowledge source was set up with something that cannot run. */
  'AGENTS_CONFIG',
] as const;
export type BoardCode = (typeof BOARD_CODES)[number];

/** A board cannot take or give this; nothing was written. */
export class BoardError extends CoordinationError<BoardCode> {
  override readonly name = 'BoardError';
  readonly board: string | undefined;

  constructor(code: BoardCode, message: string, facts: Partial<FaultFacts> & { readonly board?: string } = {}) {
    super(code, message, { applied: 'no', ...facts });
    this.board = facts.board;
  }
}

export function notFound(board: string): BoardError {
  return new BoardError('BOARD_NOT_FOUND', `There is no blackboard ${board}`, { board });
}

export function rejected(why: string): BoardError {
  return new BoardError('KNOWLEDGE_REJECTED', why);
}

/** Reads what a write has come to. Where that fails, nobody may be told that nothing was written. */
export async function afterWrite<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (fault) {
    if (!(fault instanceof CoordinationError) || fault instanceof BoardError) throw fault;
    const message = `it was written, and could not be read again: ${fault.message}`;
    throw new CoordinationError('REPLY_LOST', message, { applied: 'unknown', cause: fault });
  }
}
