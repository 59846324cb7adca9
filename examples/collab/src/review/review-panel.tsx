import { isCoordinationError, useAPIClient } from '@devmentor/react';
import { useState } from 'react';
import { BoardPanel } from './board-panel.tsx';
import { FilePicker } from './file-picker.tsx';
import { count } from './findings.ts';
import type { Picking } from './picked-files.ts';
import { useReview } from './use-review.ts';
import './review.css';

/** Specialists look at files together, on a board that everything can be read from. */
export function ReviewPanel({ projectId }: { projectId: string }) {
  const { ai } = useAPIClient();
  const [review, setReview] = useReview(projectId);
  const [isOpening, setOpening] = useState(false);
  const [notice, setNotice] = useState<string>();

  const open = async (picking: Picking): Promise<void> => {
    if (picking.kind === 'refused') return setNotice(picking.why);
    const { files, leftOut } = picking;
    setNotice(leftOut.length === 0 ? undefined : `Left out: ${leftOut.join(', ')}.`);
    setOpening(true);
    try {
      const title = `Review of ${count(files.length, 'file')}`;
      const description = 'Which modules import each other in a circle, and which import is best cut?';
      const problem = { title, description, files: [...files] };
      const { id } = await ai.openBlackboard({ problem });
      setReview({ boardId: id, files });
    } catch (error) {
      setNotice(isCoordinationError(error) ? error.message : String(error));
    } finally {
      setOpening(false);
    }
  };

  const close = (): void => {
    setReview(undefined);
    setNotice(undefined);
  };

  return (
    <section className="card review" aria-labelledby="review-title" data-testid="review">
      <header>
        <h2 id="review-title">Review</h2>
        <p className="quiet small">
          Specialists read your files and find modules that import each other in a circle. Every sentence leads back to
          the lines it rests on.
        </p>
      </header>
      {notice !== undefined && (
        <p className="banner warn" role="alert" data-testid="review-notice">
          {notice}
        </p>
      )}
      {review === undefined ? (
        <FilePicker isOpening={isOpening} onPick={(picking) => void open(picking)} />
      ) : (
        <BoardPanel key={review.boardId} review={review} onClose={close} />
      )}
    </section>
  );
}
