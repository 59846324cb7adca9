import type { Evidence } from '@devmentor/react';
import { excerptOf } from './excerpt.ts';
import type { Provenance } from './provenance.ts';
import { useFirst } from './show-more.tsx';

type Span = NonNullable<Evidence['span']>;

const few = 6;

/** Places in files, each file once, with its lines as they were. */
export function EvidenceView({ places, provenance }: { places: readonly Evidence[]; provenance: Provenance }) {
  const files = new Map<string, { readonly place: Evidence; readonly spans: Span[] }>();
  for (const place of places) {
    const known = files.get(place.sha256) ?? { place, spans: [] };
    if (place.span !== undefined) known.spans.push(place.span);
    files.set(place.sha256, known);
  }
  const [shown, showMore] = useFirst([...files.values()], few);
  if (files.size === 0)
    return <p className="quiet small">It names no place in a file: an opinion, or a sum of others.</p>;
  return (
    <div className="evidence">
      {shown.map(({ place, spans }) => (
        <figure key={place.sha256} data-testid="evidence">
          <figcaption>
            <code>{place.file}</code> <span className="quiet small">{spans.map(linesOf).join(', ')}</span>
          </figcaption>
          <Excerpt text={provenance.textOf(place)} spans={spans} />
        </figure>
      ))}
      {showMore}
    </div>
  );
}

function Excerpt({ text, spans }: { text: string | undefined; spans: readonly Span[] }) {
  if (text === undefined) {
    return <p className="quiet small">The text of this state of the file is not in this tab.</p>;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, and a keyboard must be able to.
    <pre tabIndex={0}>
      {excerptOf(text, spans).map(({ number, afterGap, isMarked, text: line }) => (
        <span key={number} className={afterGap ? 'line after-gap' : 'line'}>
          <span className="number">{number}</span>
          {isMarked ? <mark>{line}</mark> : <span>{line}</span>}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}

function linesOf({ startLine, endLine }: Span): string {
  return startLine === endLine ? `line ${startLine}` : `lines ${startLine} to ${endLine}`;
}
