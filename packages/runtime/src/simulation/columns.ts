// Text as a terminal shows it: in columns, of which some characters take two and some none. What
// would move the cursor or turn the line around is made visible, for labels come from anywhere.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}]/u;
const NARROW = /[\p{Mn}\p{Me}]/u;

/** How many columns a text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += wideness(character);
  return columns;
}

/** On one line, with nothing in it that a terminal would obey. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => (/\s/.test(character) ? ' ' : '\uFFFD'));
}

/** No wider than `columns`; what is cut off shows as `…`. */
export function shortened(text: string, columns: number): string {
  const clean = printable(text);
  if (columnsOf(clean) <= columns) return clean;
  let kept = '';
  let used = 0;
  for (const character of clean) {
    if (used + wideness(character) > columns - 1) break;
    kept += character;
    used += wideness(character);
  }
  return `${kept}…`;
}

/** Exactly as wide as `columns`. */
export function toColumns(text: string, columns: number): string {
  const fitting = shortened(text, columns);
  return fitting + ' '.repeat(columns - columnsOf(fitting));
}

/** In at most `most` lines of at most `columns`, broken at spaces where there are any. */
export function wrapped(text: string, columns: number, most: number): readonly string[] {
  const lines: string[] = [];
  let rest = printable(text);
  while (columnsOf(rest) > columns && lines.length < most - 1) {
    const head = shortened(rest, columns + 1).slice(0, -1);
    const space = head.lastIndexOf(' ');
    const cut = space > head.length / 3 ? space : head.length;
    lines.push(rest.slice(0, cut));
    rest = rest.slice(cut).trimStart();
  }
  return [...lines, shortened(rest, columns)];
}

function wideness(character: string): number {
  if (NARROW.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
