import type { Blackboard } from '@devmentor/contracts';
import { isCoordinationError, isOver, type UseBlackboard, useBlackboard } from '@devmentor/react';
import { useState } from 'react';
import { ContributionList } from './contribution-list.tsx';
import { count } from './findings.ts';
import { Provenance } from './provenance.ts';
import { SolutionView } from './solution-view.tsx';
import type { Review } from './use-review.ts';

/** One board: how far it is, what it came to, and everything that was said on the way. */
export function BoardPanel({ review, onClose }: { review: Review; onClose: () => void }) {
  const view = useBlackboard(review.boardId);
  const { board, status, contributions, solution } = view;
  const [failure, setFailure] = useState<string>();

  const attempt = (work: () => Promise<unknown>): void => {
    setFailure(undefined);
    // A board that came to its end meanwhile: the state says what became of it.
    work().catch((error: unknown) => setFailure(isCoordinationError(error) ? error.message : String(error)));
  };

  if (status === 'missing') {
    return (
      <div className="row" data-testid="board-missing">
        <span className="grow">This board is not there any more.</span>
        <button type="button" className="primary" onClick={onClose}>
          New review
        </button>
      </div>
    );
  }
  if (board === null) return <p className="quiet">{view.error?.message ?? 'Loading the board …'}</p>;

  const provenance = new Provenance(contributions, review.files);
  return (
    <div className="board" data-testid="board" data-status={board.status}>
      <div className="row">
        <strong>{board.title}</strong>
        <StatusChip status={board.status} />
        <span className="grow" />
        <Controls view={view} status={board.status} attempt={attempt} onClose={onClose} />
      </div>
      <BoardProgress board={board} />
      {board.status === 'failed' && (
        <p className="banner warn" role="alert">
          The specialists did not get through. {view.failure}
        </p>
      )}
      {failure !== undefined && (
        <p className="banner warn" role="alert">
          {failure}
        </p>
      )}
      {view.error !== undefined && (
        <p className="banner warn" role="status">
          What is shown may be old: {view.error.message}
        </p>
      )}
      <div className="columns wide">
        <div className="findings">
          {solution === null ? (
            <p className="quiet">{waiting[board.status]}</p>
          ) : (
            <SolutionView
              solution={solution}
              provenance={provenance}
              isCurrent={isOver(board.status) || solution.reason === 'asked'}
            />
          )}
        </div>
        <ContributionList contributions={contributions} isLive={!isOver(board.status)} />
      </div>
    </div>
  );
}

const words: Record<Blackboard['status'], string> = {
  initializing: 'Starting',
  running: 'At work',
  paused: 'Paused',
  quiescent: 'Summing up',
  solved: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

const waiting: Record<Blackboard['status'], string> = {
  initializing: 'The specialists are being called …',
  running: 'The specialists are reading. What they say shows up as they say it.',
  paused: 'Paused. Nothing new is begun until you go on.',
  quiescent: 'Nobody has anything to add; the solution is being written …',
  solved: 'Fetching the solution …',
  failed: 'There is no solution.',
  cancelled: 'Cancelled before there was a solution. What was said until then stays.',
};

function StatusChip({ status }: { status: Blackboard['status'] }) {
  const tone = status === 'solved' ? 'mine' : status === 'failed' || status === 'cancelled' ? 'warn' : 'busy';
  return (
    <span className={`chip ${tone}`} role="status" data-testid="board-status">
      {!isOver(status) && status !== 'paused' && <span className="pulse" aria-hidden="true" />}
      {words[status]}
    </span>
  );
}

function Controls(props: {
  view: UseBlackboard;
  status: Blackboard['status'];
  attempt: (work: () => Promise<unknown>) => void;
  onClose: () => void;
}) {
  const { view, status, attempt } = props;
  if (isOver(status)) {
    return (
      <>
        {status === 'cancelled' && view.solution === null && (
          <button type="button" onClick={() => attempt(view.synthesize)} data-testid="board-synthesize">
            What was found so far
          </button>
        )}
        <button type="button" onClick={props.onClose} data-testid="board-close">
          New review
        </button>
      </>
    );
  }
  return (
    <>
      {status === 'paused' ? (
        <button type="button" className="primary" onClick={() => attempt(view.resume)} data-testid="board-resume">
          Go on
        </button>
      ) : (
        <button type="button" onClick={() => attempt(view.pause)} data-testid="board-pause">
          Pause
        </button>
      )}
      <button type="button" onClick={() => attempt(view.cancel)} data-testid="board-cancel">
        Cancel
      </button>
    </>
  );
}

function BoardProgress({ board: { counts, status } }: { board: Blackboard }) {
  const { pending, running, done, obviated, failed } = counts;
  const over = done + obviated + failed;
  const all = over + pending + running;
  return (
    <div className="progress">
      <progress aria-label="Work done" value={over} max={Math.max(all, 1)} />
      <span className="quiet small" data-testid="board-progress">
        {over} of {count(all, 'step')} done
        {running > 0 && !isOver(status) && ` · ${running} running`}
        {failed > 0 && ` · ${failed} failed`}
        {status === 'paused' && pending > 0 && ` · ${pending} held up`}
      </span>
    </div>
  );
}
