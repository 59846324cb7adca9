// Picked files
//
// What somebody drops, picks or pastes, and what of it a review can take.
import type { SourceFile } from '@devmentor/contracts';

/** A browser tab keeps the texts, so it must be able to. */
export const bounds = { files: 500, fileBytes: 200_000, totalBytes: 2_000_000 } as const;

export interface Candidate {
  readonly path: string;
  readonly size: number;
  text(): Promise<string>;
}

export type Picking =
  | { readonly kind: 'picked'; readonly files: readonly SourceFile[]; readonly leftOut: readonly string[] }
  | { readonly kind: 'refused'; readonly why: string };

const module = /\.[cm]?[jt]sx?$/;
const elsewhere = /(^|\/)(node_modules|dist|build|coverage|\.[^/]+)\//;

/** Reads what can be reviewed. All or nothing where a bound is passed, so that no cycle is cut by chance. */
export async function pick(candidates: readonly Candidate[]): Promise<Picking> {
  const modules = candidates.filter(({ path }) => module.test(path) && !elsewhere.test(path));
  const others = candidates.length - modules.length;
  if (modules.length === 0) {
    return { kind: 'refused', why: 'There is no TypeScript or JavaScript file among these.' };
  }
  if (modules.length > bounds.files) {
    return {
      kind: 'refused',
      why: `These are ${modules.length} files; a review takes ${bounds.files}. Pick a smaller folder.`,
    };
  }
  const tooLarge = modules.filter(({ size }) => size > bounds.fileBytes);
  const taken = modules.filter(({ size }) => size <= bounds.fileBytes);
  const bytes = taken.reduce((sum, { size }) => sum + size, 0);
  if (bytes > bounds.totalBytes) {
    return {
      kind: 'refused',
      why: `These are ${inWords(bytes)}; a review takes ${inWords(bounds.totalBytes)}. Pick a smaller folder.`,
    };
  }
  if (taken.length === 0) return { kind: 'refused', why: `No file is smaller than ${inWords(bounds.fileBytes)}.` };
  const root = commonFolder(taken.map(({ path }) => path));
  const files = await Promise.all(
    taken.map(async (file) => ({ path: file.path.slice(root.length), content: await file.text() })),
  );
  const leftOut = [
    ...(others === 0 ? [] : [`${others} that ${others === 1 ? 'is' : 'are'} no source or not your own`]),
    ...tooLarge.map(({ path, size }) => `${path} (${inWords(size)})`),
  ];
  return { kind: 'picked', files: unique(files), leftOut };
}

/** A pasted text: one file, or several, each below a line `// file: path`. */
export function candidatesIn(text: string): Candidate[] {
  const parts = text.split(/^[ \t]*\/\/ file:[ \t]*(\S+)[ \t]*\r?\n/m);
  const [before = '', ...rest] = parts;
  const named = Array.from({ length: rest.length / 2 }, (_, n) => candidate(rest[2 * n] ?? '', rest[2 * n + 1] ?? ''));
  return before.trim() === '' ? named : [candidate('pasted.ts', before), ...named];
}

export function candidateOf(file: File, path = file.webkitRelativePath || file.name): Candidate {
  return { path, size: file.size, text: () => file.text() };
}

export function inWords(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${Math.round(bytes / 100_000) / 10} MB`;
}

function candidate(path: string, content: string): Candidate {
  const clean = path.replace(/^(\.?\/)+/, '');
  return { path: clean, size: new Blob([content]).size, text: () => Promise.resolve(content) };
}

/** What all paths begin with, up to a slash. */
function commonFolder(paths: readonly string[]): string {
  const [first = ''] = paths;
  let end = first.lastIndexOf('/') + 1;
  while (end > 0 && !paths.every((path) => path.startsWith(first.slice(0, end)))) {
    end = first.lastIndexOf('/', end - 2) + 1;
  }
  return first.slice(0, end);
}

function unique(files: readonly SourceFile[]): SourceFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
