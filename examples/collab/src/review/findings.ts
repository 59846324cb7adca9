// Findings
//
// What contributions of the architecture specialist say, read out of their values (pure).
// A value may be anything; what does not fit is shown as its text.
import type { Contribution } from '@devmentor/contracts';
import type { Evidence } from '@devmentor/react';
import { inWords } from './picked-files.ts';

/** One file's import of another. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

/** Files that import each other in a circle. */
export interface Cycle {
  /** `types`: it is gone when the program runs. */
  readonly scope: 'runtime' | 'types';
  readonly members: readonly string[];
  /** Without these imports there is no circle left. */
  readonly cut: readonly Edge[];
  readonly isSmallest: boolean;
  /** The shortest way round. */
  readonly example: readonly Edge[];
}

export function cycleIn({ kind, knowledge: { value } }: Contribution): Cycle | undefined {
  if ((kind !== 'import-cycle' && kind !== 'type-cycle') || !isRecord(value)) return undefined;
  const { members, cut, example, exact } = value;
  if (!Array.isArray(members) || !Array.isArray(cut) || !Array.isArray(example)) return undefined;
  return {
    scope: kind === 'import-cycle' ? 'runtime' : 'types',
    members: members.map(String),
    cut: cut.flatMap(edgeIn),
    isSmallest: exact === true,
    example: example.flatMap(edgeIn),
  };
}

/** A line on what a contribution says. */
export function sayingOf({ kind, knowledge: { value } }: Contribution): string {
  if (typeof value === 'string') return value;
  if (!isRecord(value)) return JSON.stringify(value);
  if (kind === 'file' && typeof value.bytes === 'number') return inWords(value.bytes);
  if (kind === 'imports' && Array.isArray(value.imports)) return importsIn(value.imports);
  if (kind === 'module-graph') {
    return `${count(Number(value.files), 'file')}, ${count(Number(value.edges), 'import')} between them`;
  }
  const said = [value.text, value.message, value.summary].find((text) => typeof text === 'string');
  return said ?? JSON.stringify(value);
}

/** The places that show it: those it names, or, for what was read in a file, where it was read. */
export function placesOf({ kind, evidence = [], knowledge: { value } }: Contribution): readonly Evidence[] {
  const [whole] = evidence;
  if (kind !== 'imports' || whole === undefined || !isRecord(value) || !Array.isArray(value.imports)) return evidence;
  const places = value.imports.flatMap((one) =>
    isRecord(one) && isSpan(one.span) ? [{ ...whole, span: one.span }] : [],
  );
  return places.length === 0 ? evidence : places;
}

function importsIn(imports: readonly unknown[]): string {
  const names = imports.flatMap((one) => (isRecord(one) ? String(one.specifier) : []));
  return names.length === 0 ? 'imports nothing' : `imports ${[...new Set(names)].join(', ')}`;
}

export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function edgeIn(value: unknown): Edge[] {
  if (!isRecord(value) || typeof value.from !== 'string' || typeof value.to !== 'string') return [];
  return [{ from: value.from, to: value.to, typeOnly: value.typeOnly === true, line: Number(value.line) }];
}

function isSpan(value: unknown): value is NonNullable<Evidence['span']> {
  return isRecord(value) && typeof value.startLine === 'number' && typeof value.endLine === 'number';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
