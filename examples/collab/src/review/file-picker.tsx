import { type DragEvent, useId, useRef, useState } from 'react';
import { candidatesDropped } from './dropped-files.ts';
import { exampleFiles } from './example-files.ts';
import { bounds, type Candidate, candidateOf, candidatesIn, inWords, type Picking, pick } from './picked-files.ts';

/** Files by drop, by choice, by paste, or an example. */
export function FilePicker({ isOpening, onPick }: { isOpening: boolean; onPick: (picking: Picking) => void }) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const [text, setText] = useState('');
  const [isOver, setOver] = useState(false);
  const hint = useId();

  const take = async (candidates: readonly Candidate[] | Promise<readonly Candidate[]>): Promise<void> => {
    try {
      onPick(await pick(await candidates));
    } catch (error) {
      // Moved or forbidden since it was chosen.
      onPick({ kind: 'refused', why: `A file could not be read. ${error instanceof Error ? error.message : ''}` });
    }
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    void take(candidatesDropped(event.dataTransfer));
  };
  const chosen = (input: HTMLInputElement): void => {
    void take([...(input.files ?? [])].map((file) => candidateOf(file)));
    // The same choice again is a choice too.
    input.value = '';
  };

  if (isOpening) {
    return (
      <p className="quiet" role="status">
        Opening the board …
      </p>
    );
  }
  return (
    <div className="picker">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shortcut for the buttons inside. */}
      <div
        className={isOver ? 'drop over' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <strong>Drop files or a folder here</strong>
        <span className="quiet small">
          TypeScript and JavaScript, up to {bounds.files} files and {inWords(bounds.totalBytes)}
        </span>
        <div className="row">
          <button type="button" onClick={() => folder.current?.click()}>
            Choose a folder
          </button>
          <button type="button" onClick={() => files.current?.click()}>
            Choose files
          </button>
          <button
            type="button"
            className="primary"
            onClick={() => onPick({ kind: 'picked', files: exampleFiles, leftOut: [] })}
            data-testid="review-example"
          >
            Try it on an example
          </button>
        </div>
        <input
          ref={folder}
          type="file"
          multiple
          hidden
          // Unknown to React's types, though every browser has it.
          {...{ webkitdirectory: '' }}
          aria-label="Folder"
          onChange={(event) => chosen(event.currentTarget)}
          data-testid="review-folder"
        />
        <input
          ref={files}
          type="file"
          multiple
          hidden
          accept=".ts,.tsx,.mts,.cts,.js,.jsx,.mjs,.cjs"
          aria-label="Files"
          onChange={(event) => chosen(event.currentTarget)}
          data-testid="review-files"
        />
      </div>
      <details>
        <summary>Paste code instead</summary>
        <div className="fields">
          <label>
            Code
            <textarea
              className="code"
              rows={6}
              value={text}
              spellCheck={false}
              aria-describedby={hint}
              placeholder={"// file: a.ts\nimport { b } from './b.ts';\n// file: b.ts\nimport { a } from './a.ts';"}
              onChange={(event) => setText(event.target.value)}
              data-testid="review-paste"
            />
          </label>
          <div className="row">
            <button
              type="button"
              disabled={text.trim() === ''}
              onClick={() => void take(candidatesIn(text))}
              data-testid="review-pasted"
            >
              Review this
            </button>
            <span className="quiet small" id={hint}>
              Begin each file with a line <code>{'// file: its/path.ts'}</code>
            </span>
          </div>
        </div>
      </details>
    </div>
  );
}
