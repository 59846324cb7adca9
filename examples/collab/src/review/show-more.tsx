import { useState } from 'react';

/** The first few of a list, and the button that shows the rest. */
export function useFirst<Item>(items: readonly Item[], few: number) {
  const [isWhole, setWhole] = useState(false);
  const button =
    items.length <= few ? null : (
      <button type="button" className="link small more" onClick={() => setWhole(!isWhole)}>
        {isWhole ? `Show the first ${few} only` : `Show all ${items.length}`}
      </button>
    );
  return [isWhole ? items : items.slice(0, few), button] as const;
}
