import type { Cycle, Edge } from './findings.ts';
import { useFirst } from './show-more.tsx';

const few = 12;
const mostMembers = 30;

/** Who is in the circle, the shortest way round, and which import to take out. */
export function CycleView({ cycle, onShowCut }: { cycle: Cycle; onShowCut: () => void }) {
  const { members, cut, example, scope } = cycle;
  const cuts = new Set(cut.map(nameOf));
  const [way, showWay] = useFirst(example, few);
  const [toCut, showCut] = useFirst(cut, few);
  return (
    <div className="cycle">
      <p className="quiet small">
        {scope === 'runtime'
          ? 'When one of these modules is loaded, it needs the others before it is ready itself.'
          : 'It is gone once the types are; it matters to the build and to readers only.'}
      </p>
      <ol className="way" aria-label="The way round" data-testid="cycle">
        {way.map((edge) => (
          <li key={nameOf(edge)} className={cuts.has(nameOf(edge)) ? 'cut' : ''}>
            <code className="module">{edge.from}</code>
            <span className="arrow">
              <span className="label">
                line {edge.line}
                {edge.typeOnly && ' · types only'}
                {cuts.has(nameOf(edge)) && ' · cut here'}
              </span>
            </span>
          </li>
        ))}
        {way.length === example.length && example[0] !== undefined && (
          <li className="back">
            <code className="module">{example[0].from}</code>
            <span className="quiet small">and round again</span>
          </li>
        )}
      </ol>
      {showWay}
      <div data-testid="cut">
        <strong>Where to cut: </strong>
        {toCut.map((edge, i) => (
          <span key={nameOf(edge)}>
            {i > 0 && ', and '}
            the import of <code>{edge.to}</code> in <code>{`${edge.from}:${edge.line}`}</code>
          </span>
        ))}
        {toCut.length < cut.length && ' …'}.{' '}
        <span className="quiet small">
          {cycle.isSmallest ? 'No smaller cut breaks it.' : 'A smaller cut may exist.'}{' '}
        </span>
        {showCut}{' '}
        <button type="button" className="link small" onClick={onShowCut}>
          Show the lines
        </button>
      </div>
      {members.length > example.length && (
        <p className="small">
          <span className="quiet">All {members.length} members: </span>
          {members.slice(0, mostMembers).map((member, i) => (
            <span key={member}>
              {i > 0 && ', '}
              <code>{member}</code>
            </span>
          ))}
          {members.length > mostMembers && ` and ${members.length - mostMembers} more`}
        </p>
      )}
    </div>
  );
}

function nameOf({ from, to }: Edge): string {
  return `${from} -> ${to}`;
}
