import type { Contribution } from '@devmentor/contracts';
import { useState } from 'react';
import { Avatar } from '../avatar.tsx';
import { sayingOf } from './findings.ts';
import { useFirst } from './show-more.tsx';

const few = 12;

/** Who said what, the latest first. */
export function ContributionList(props: { contributions: readonly Contribution[]; isLive: boolean }) {
  const { contributions, isLive } = props;
  const [level, setLevel] = useState<string>();
  const levels = new Map<string, number>();
  for (const { knowledge } of contributions) levels.set(knowledge.level, (levels.get(knowledge.level) ?? 0) + 1);
  const wanted =
    level === undefined ? contributions : contributions.filter(({ knowledge }) => knowledge.level === level);
  const [shown, showMore] = useFirst(wanted.toReversed(), few);

  return (
    <section className="contributions" aria-label="Contributions">
      <h3>
        Contributions <span data-testid="contribution-count">{contributions.length}</span>
      </h3>
      <div className="row filters">
        {[...levels].map(([name, n]) => (
          <button
            key={name}
            type="button"
            className={`level ${name}`}
            aria-pressed={level === name}
            onClick={() => setLevel(level === name ? undefined : name)}
          >
            {name} {n}
          </button>
        ))}
      </div>
      {contributions.length === 0 && (
        <p className="quiet small">{isLive ? 'Nobody has said anything yet.' : 'None.'}</p>
      )}
      <ol reversed start={wanted.length}>
        {shown.map((contribution) => (
          <ContributionLine key={contribution.revision} contribution={contribution} />
        ))}
      </ol>
      {showMore}
    </section>
  );
}

function ContributionLine({ contribution }: { contribution: Contribution }) {
  const { source, subject, knowledge } = contribution;
  const file = subject?.file;
  return (
    <li className="contribution" data-testid="contribution">
      <Avatar name={nameOf(source)} />
      <span className="said">
        <span>
          <strong>{nameOf(source)}</strong>{' '}
          <span className={`level ${knowledge.level}`} data-testid="contribution-level">
            {knowledge.level}
          </span>
        </span>
        {typeof file === 'string' && <code>{file}</code>}
        <span className="quiet small clamp">{sayingOf(contribution)}</span>
      </span>
      {knowledge.confidence !== undefined && knowledge.level !== 'source' && (
        <Confidence share={knowledge.confidence} />
      )}
    </li>
  );
}

/** How sure the author is. */
export function Confidence({ share }: { share: number }) {
  const percent = Math.round(share * 100);
  return (
    <span className="confidence quiet small" title={`${percent} % sure`}>
      <span className="visually-hidden">Confidence </span>
      {percent} %
    </span>
  );
}

/** `architecture-imports@1` is known by its name; which version it is, the log says. */
export function nameOf(source: string): string {
  return source.replace(/@\d+$/, '');
}
