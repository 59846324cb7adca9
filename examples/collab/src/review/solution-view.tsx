import type { Solution } from '@devmentor/contracts';
import type { Provenance } from './provenance.ts';
import { StatementView } from './statement-view.tsx';

/** What a board has to say, each sentence with the way back to where it comes from. */
export function SolutionView(props: { solution: Solution; provenance: Provenance; isCurrent: boolean }) {
  const { solution, provenance, isCurrent } = props;
  const { statements } = solution;
  const isWhole = solution.completeness !== 'partial';
  return (
    <section className="solution" aria-label="Solution" data-testid="solution">
      <h3>Solution</h3>
      {!isCurrent && <p className="quiet small">From before; the board is at work again.</p>}
      {!isWhole && <p className="banner busy small">{shortfallOf(solution)}</p>}
      {statements.length === 0 && !isWhole && <p className="quiet">Nothing had been found by then.</p>}
      {statements.length === 0 && isWhole && (
        <p className="banner good" data-testid="nothing-found">
          No circle: no file imports itself, directly or by way of others.
        </p>
      )}
      <ol className="statements">
        {statements.map((statement, i) => (
          <li key={statement.contributions[0]}>
            <StatementView statement={statement} provenance={provenance} isOpenAtFirst={i === 0} />
          </li>
        ))}
      </ol>
    </section>
  );
}

const mostNamed = 3;

function shortfallOf({ reason = '', unmet = [] }: Solution): string {
  const why = `This is not everything: ${endings[reason] ?? 'work was left undone'}.`;
  const named = unmet.slice(0, mostNamed).join('; ');
  const others = unmet.length > mostNamed ? `; and ${unmet.length - mostNamed} more` : '';
  return named === '' ? why : `${why} ${named}${others}.`;
}

const endings: Record<string, string | undefined> = {
  budget: 'the budget was used up',
  deadline: 'the time was over',
  cancelled: 'it was cancelled',
  failed: 'no specialist got through',
  asked: 'the specialists are still at work',
};
