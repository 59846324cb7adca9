'use client';

import type { Blackboard, BlackboardStatus, Contribution, Knowledge, Solution } from '@devmentor/contracts';
import { useCallback, useSyncExternalStore } from 'react';
import { unreadBoard } from './board-view.ts';
import type { CoordinationError } from './errors.ts';
import { useAPIClient } from './provider.ts';

export interface UseBlackboard {
  readonly board: Blackboard | null;
  readonly status: 'loading' | 'missing' | BlackboardStatus;
  /** Every version of every contribution, in the order of revisions. */
  readonly contributions: readonly Contribution[];
  /** What the board last came to. */
  readonly solution: Solution | null;
  /** Why the board failed. */
  readonly failure: string | undefined;
  /** The last reading that failed, if none has been good since. */
  readonly error: CoordinationError | undefined;
  contribute(knowledge: Knowledge): Promise<Contribution>;
  /** What there is to say now, of a board at work too. */
  synthesize(): Promise<Solution>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  cancel(): Promise<void>;
  refresh(): void;
}

/**
 * A blackboard to look at and to steer, kept up to date while it is mounted. Any number of
 * hooks on one board share one subscription.
 */
export function useBlackboard(boardId: string): UseBlackboard {
  const { ai, boards } = useAPIClient();
  const subscribe = useCallback(
    (listener: () => void) => {
      const { thing: feed, leave } = boards.use(boardId);
      const stops = [feed.store.subscribe(listener), feed.fault.subscribe(listener), leave];
      return () => {
        for (const stop of stops) stop();
      };
    },
    [boards, boardId],
  );
  const view = useSyncExternalStore(
    subscribe,
    () => boards.peek(boardId)?.store.get() ?? unreadBoard,
    () => unreadBoard,
  );
  const error = useSyncExternalStore(
    subscribe,
    () => boards.peek(boardId)?.fault.get(),
    () => undefined,
  );

  const contribute = useCallback((knowledge: Knowledge) => ai.contribute(boardId, knowledge), [ai, boardId]);
  const synthesize = useCallback(async () => {
    const solution = await ai.synthesizeSolution(boardId);
    boards.peek(boardId)?.sawSolution(solution);
    return solution;
  }, [ai, boards, boardId]);
  const steer = useCallback(
    async (how: 'pause' | 'resume' | 'cancel') => boards.peek(boardId)?.saw(await ai.steerBlackboard(boardId, how)),
    [ai, boards, boardId],
  );
  const pause = useCallback(() => steer('pause'), [steer]);
  const resume = useCallback(() => steer('resume'), [steer]);
  const cancel = useCallback(() => steer('cancel'), [steer]);
  const refresh = useCallback(() => boards.peek(boardId)?.refresh(), [boards, boardId]);

  const { kind, board = null, contributions, solution = null, failure } = view;
  const status = kind === 'ready' && board !== null ? board.status : kind === 'missing' ? 'missing' : 'loading';
  return {
    board,
    status,
    contributions,
    solution,
    failure,
    error,
    contribute,
    synthesize,
    pause,
    resume,
    cancel,
    refresh,
  };
}
