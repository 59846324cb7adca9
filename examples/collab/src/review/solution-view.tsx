import type { Solution } from '@devmentor/contracts';
import type { Provenance } from './provenance.ts';
import { StatementView } from './statement-view.tsx';

/** What a board has to say, each sentence with the way back to where it comes from. */
export function SolutionView(props: { solution: Solution; provenance: Provenance; isCurrent: boolean }) {
  const { solution, provenance, isCurrent } = props;
  const { statements, unmet = [] } = solution;
  return (
    <section className="solution" aria-label="Solution" data-testid="solution">
      <h3>Solution</h3>
      {!isCurrent && <p className="quiet small">From before; the board is at work again.</p>}
      {solution.completeness === 'partial' && (
        <p className="banner busy small">
          This is not everything: {endings[solution.reason ?? ''] ?? 'work was left undone'}.
          {unmet.length > 0 && ` ${unmet.slice(0, 3).join('; ')}${unmet.length > 3 ? ' …' : ''}.`}
        </p>
      )}
      {statements.length === 0 && (
        <p className="banner good" data-testid="nothing-found">
          No module imports itself in a circle.
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

const endings: Record<string, string | undefined> = {
  budget: 'the budget was used up',
  deadline: 'the time was over',
  cancelled: 'it was cancelled',
  failed: 'no specialist got through',
  asked: 'the specialists are still at work',
};
