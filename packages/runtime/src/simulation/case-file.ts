// Case file
//
// A case that failed, as JSON: everything needed to play it again, and what was seen when it did. It is
// written whole or not at all, and read with every member looked at: people edit such files by hand.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkFault, checkTraceEntry, type Members, Reading } from './case-file.check.ts';
import type { Fault } from './fault.ts';
import type { Violation } from './seen.ts';
import type { TraceEntry } from './trace.ts';

/** A case that failed, as it is kept: with it the run can be played again, and without it be read. */
export interface CaseFile {
  readonly format: 1;
  /** Name of the simulation. */
  readonly simulation: string;
  /** File that defines it, relative to this one. */
  readonly module?: string;
  readonly seed: number;
  /** Of the sources it failed with. */
  readonly commit?: string;
  /** What was asked of the world, and what was done to it, after shrinking. */
  readonly steps: readonly unknown[];
  readonly faults: readonly Fault[];
  /** Of the trace. */
  readonly digest: string;
  readonly violations: readonly Violation[];
  readonly trace: readonly TraceEntry[];
}

/** A file that cannot be read as a case: it says which file, and what is wrong with it where. */
export class CaseFileError extends Error {
  override readonly name = 'CaseFileError';
  readonly path: string;
  readonly problems: readonly string[];

  constructor(path: string, problems: readonly string[], options?: ErrorOptions) {
    super(`${path} is not a case: ${problems.join('; ')}`, options);
    this.path = path;
    this.problems = problems;
  }
}

const FORMAT = 1;
const LARGEST_BYTES = 256 * 1024 * 1024;
const MOST_PROBLEMS = 5;

/** Writes the file whole: a reader sees the old one, the new one or none. Folders are made. */
export function writeCaseFile(path: string, file: CaseFile): void {
  writeWhole(path, caseText(file));
}

/** Reads and checks a file; throws CaseFileError. */
export function readCaseFile(path: string): CaseFile {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > LARGEST_BYTES) throw new CaseFileError(path, [`it has ${size} bytes; ${LARGEST_BYTES} are the most`]);
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof CaseFileError) throw cause;
    throw new CaseFileError(path, [messageOf(cause)], { cause });
  }
  return parseCase(text, path);
}

/** The same of a text. @param path named in errors */
export function parseCase(text: string, path: string): CaseFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CaseFileError(path, [messageOf(cause)], { cause });
  }
  const reading = new Reading();
  const file = reading.object(value, 'the file', (members) => checkCase(members));
  if (file === undefined || reading.problems.length > 0) {
    const more = reading.problems.length - MOST_PROBLEMS;
    const told = reading.problems.slice(0, MOST_PROBLEMS);
    throw new CaseFileError(path, more > 0 ? [...told, `and ${more} more`] : told);
  }
  return file;
}

/** Short members a line each, and a line for each step, fault and entry: two cases can be compared by lines. */
export function caseText(file: CaseFile): string {
  const members = Object.entries(file).filter(([, value]) => value !== undefined);
  const lines = members.map(([name, value]) => {
    if (!Array.isArray(value) || value.length === 0) return `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`;
    const items = value.map((item) => `    ${JSON.stringify(item)}`).join(',\n');
    return `  ${JSON.stringify(name)}: [\n${items}\n  ]`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

/** Replaces a file at one stroke. */
export function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.draft`;
  try {
    writeFileSync(draft, text, { flush: true });
    renameSync(draft, path);
  } catch (fault) {
    rmSync(draft, { force: true });
    throw fault;
  }
}

function checkCase(members: Members): CaseFile {
  const format = members.number('format');
  if (format !== undefined && format !== FORMAT)
    members.problem('format', `is ${format}, and this version reads ${FORMAT}`);
  const seed = members.number('seed') ?? 0;
  if (!Number.isSafeInteger(seed) || seed < 0) members.problem('seed', 'is not a whole number from 0 on');
  const module = members.optionalText('module');
  const commit = members.optionalText('commit');
  return {
    format: FORMAT,
    simulation: members.text('simulation'),
    ...(module !== undefined && { module }),
    seed,
    ...(commit !== undefined && { commit }),
    steps: members.list('steps', (step) => step),
    faults: members.list('faults', (fault, place) => members.reading.object(fault, place, checkFault)),
    digest: members.text('digest'),
    violations: members.list('violations', (violation, place) =>
      members.reading.object(violation, place, (of) => ({ check: of.text('check'), message: of.text('message') })),
    ),
    trace: members.list('trace', (entry, place) => members.reading.object(entry, place, checkTraceEntry)),
  };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
