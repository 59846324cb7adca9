import type { SourceFile } from '@devmentor/contracts';
import { useEffect, useState } from 'react';

/** A board and the texts it was opened on; the board itself names them by hash only. */
export interface Review {
  readonly boardId: string;
  readonly files: readonly SourceFile[];
}

/** The review of a project in this tab. It survives a reload; the next one takes its place. */
export function useReview(projectId: string) {
  const key = `collab:review:${location.search}:${projectId}`;
  const [review, setReview] = useState<Review | undefined>(() => recall(key));

  useEffect(() => {
    if (review === undefined) sessionStorage.removeItem(key);
    else remember(key, review);
  }, [key, review]);

  return [review, setReview] as const;
}

function remember(key: string, review: Review): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(review));
  } catch {
    // A full storage: the board is found again after a reload, the texts are not.
    sessionStorage.setItem(key, JSON.stringify({ boardId: review.boardId, files: [] } satisfies Review));
  }
}

function recall(key: string): Review | undefined {
  const text = sessionStorage.getItem(key);
  return text === null ? undefined : (JSON.parse(text) as Review);
}
