import type { Field, Texts } from './draft.ts';

const names: Record<Field, string> = { name: 'Name', description: 'Description', notes: 'Notes' };

/** Two people changed the same text; whoever saves second decides, seeing both. */
export function Conflict(props: {
  fields: readonly Field[];
  mine: Texts;
  theirs: Texts;
  onKeepMine: () => void;
  onTakeTheirs: () => void;
}) {
  return (
    <section className="card conflict" aria-label="Conflicting changes" data-testid="conflict">
      <h2>Somebody saved a change while you were away</h2>
      {props.fields.map((field) => (
        <div key={field} className="versus">
          <div>
            <h3>{names[field]}, yours</h3>
            <pre data-testid="mine">{props.mine[field]}</pre>
          </div>
          <div>
            <h3>{names[field]}, theirs</h3>
            <pre data-testid="theirs">{props.theirs[field]}</pre>
          </div>
        </div>
      ))}
      <div className="row">
        <button type="button" className="primary" onClick={props.onKeepMine} data-testid="keep-mine">
          Keep mine
        </button>
        <button type="button" onClick={props.onTakeTheirs} data-testid="take-theirs">
          Take theirs
        </button>
      </div>
    </section>
  );
}
