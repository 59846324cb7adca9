import type { Contribution, Solution } from '@devmentor/contracts';
import { useRef } from 'react';
import { Confidence, nameOf } from './contribution-list.tsx';
import { CycleView } from './cycle-view.tsx';
import { EvidenceView } from './evidence-view.tsx';
import { count, cycleIn, placesOf, sayingOf } from './findings.ts';
import type { Provenance } from './provenance.ts';
import { useFirst } from './show-more.tsx';

type Statement = Solution['statements'][number];

const few = 8;

/** A sentence; opened, what it means and what it rests on. */
export function StatementView(props: { statement: Statement; provenance: Provenance; isOpenAtFirst: boolean }) {
  const { statement, provenance } = props;
  const behind = provenance.behind(statement.contributions);
  const cycle = behind[0] === undefined ? undefined : cycleIn(behind[0]);
  const [shown, showMore] = useFirst(behind, few);
  const grounds = useRef<HTMLUListElement>(null);

  /** Opens what shows the import, and goes there. */
  const showFirst = (): void => {
    const first = grounds.current?.querySelector('details');
    if (first === null || first === undefined) return;
    first.open = true;
    first.querySelector('summary')?.focus();
    first.scrollIntoView({ block: 'nearest' });
  };

  return (
    <details className="statement" open={props.isOpenAtFirst} data-testid="statement">
      <summary>
        <span className="grow" data-testid="statement-text">
          {cycle === undefined ? statement.text : headlineOf(cycle)}
        </span>
        {statement.basis === 'opinion' && <span className="level">opinion</span>}
        <Confidence share={statement.confidence} />
      </summary>
      {cycle !== undefined && <CycleView cycle={cycle} onShowCut={showFirst} />}
      <h4>What it rests on</h4>
      <ul className="grounds" ref={grounds} aria-label="Contributions behind it">
        {shown.map((contribution) => (
          <li key={contribution.id}>
            <Ground contribution={contribution} provenance={provenance} />
          </li>
        ))}
        {behind.length < statement.contributions.length && (
          <li className="quiet small">
            {count(statement.contributions.length - behind.length, 'contribution')} could not be found any more.
          </li>
        )}
      </ul>
      {showMore}
    </details>
  );
}

function headlineOf({ members, scope }: NonNullable<ReturnType<typeof cycleIn>>): string {
  const files = count(members.length, 'file');
  return scope === 'runtime'
    ? `${files} import each other in a circle`
    : `${files} are in one circle, but only through imports of types`;
}

/** One contribution behind a statement; opened, the lines that show it. */
function Ground({ contribution, provenance }: { contribution: Contribution; provenance: Provenance }) {
  const { knowledge, source, subject } = contribution;
  const file = subject?.file;
  return (
    <details data-testid="ground">
      <summary>
        <span className={`level ${knowledge.level}`}>{knowledge.level}</span>
        <span className="grow">
          {typeof file === 'string' && <code>{file}</code>}{' '}
          <span className="quiet small">
            {cycleIn(contribution) === undefined ? sayingOf(contribution) : 'the circle and its imports'},{' '}
            {knowledge.level === 'source' ? 'as it was given' : `says ${nameOf(source)}`}
          </span>
        </span>
      </summary>
      <EvidenceView places={placesOf(contribution)} provenance={provenance} />
    </details>
  );
}
