// Excerpt
//
// The lines of a file around some places, with what the places cover marked (pure).
import type { Evidence } from '@devmentor/react';

export interface ExcerptLine {
  readonly number: number;
  /** Lines were left out before this one. */
  readonly afterGap: boolean;
  readonly isMarked: boolean;
  readonly text: string;
}

const around = 2;
/** Shown of a file when nothing in it is pointed at. */
const beginning = 12;
const most = 200;

export function excerptOf(content: string, spans: readonly NonNullable<Evidence['span']>[]): ExcerptLine[] {
  const lines = content.replace(/\r?\n$/, '').split(/\r?\n/);
  const isNear = (n: number): boolean =>
    spans.length === 0
      ? n <= beginning
      : spans.some(({ startLine, endLine }) => n >= startLine - around && n <= endLine + around);
  const shown: ExcerptLine[] = [];
  for (const [i, text] of lines.entries()) {
    const number = i + 1;
    if (!isNear(number)) continue;
    if (shown.length === most) break;
    const isMarked = spans.some(({ startLine, endLine }) => number >= startLine && number <= endLine);
    shown.push({ number, afterGap: number > (shown.at(-1)?.number ?? 0) + 1, isMarked, text });
  }
  return shown;
}
