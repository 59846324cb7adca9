import type { KeyboardEvent } from 'react';
import type { Field, Texts } from './draft.ts';

export function ProjectFields(props: {
  texts: Texts;
  isReadOnly: boolean;
  onChange: (field: Field, text: string) => void;
  onSave: () => void;
}) {
  const { texts, isReadOnly } = props;
  const shortcut = (event: KeyboardEvent): void => {
    if (event.key !== 's' || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    if (!isReadOnly) props.onSave();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a shortcut for the fields inside; the button does the same.
    <div className="fields" onKeyDown={shortcut}>
      <label>
        Name
        <input
          value={texts.name}
          readOnly={isReadOnly}
          required
          maxLength={200}
          autoComplete="off"
          onChange={(event) => props.onChange('name', event.target.value)}
          data-testid="name"
        />
      </label>
      <label>
        Description
        <textarea
          value={texts.description}
          readOnly={isReadOnly}
          rows={3}
          maxLength={10_000}
          onChange={(event) => props.onChange('description', event.target.value)}
          data-testid="description"
        />
      </label>
      <label>
        Notes
        <textarea
          value={texts.notes}
          readOnly={isReadOnly}
          rows={7}
          placeholder={isReadOnly ? 'No notes yet' : 'Write down what the others should know'}
          onChange={(event) => props.onChange('notes', event.target.value)}
          data-testid="notes"
        />
      </label>
    </div>
  );
}
