// Which file a specifier means.
//
// Two ways: among given files alone (relative specifiers, by the rules of Node and TypeScript),
// or as Node would do it in a folder, with packages and their exports (oxc-resolver).
import { realpathSync } from 'node:fs';
import { dirname, posix, relative, resolve as resolvePath, sep } from 'node:path';
import { ResolverFactory } from 'oxc-resolver';

/** The path of a file of the problem; undefined for anything outside of it. */
export type Resolve = (from: string, specifier: string) => string | undefined;

const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.d.ts', '.d.mts', '.d.cts'];
/** A specifier may name what the compiler will write. */
const COMPILED: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx', '.d.ts'],
  '.jsx': ['.tsx', '.d.ts'],
  '.mjs': ['.mts', '.d.mts'],
  '.cjs': ['.cts', '.d.cts'],
};

/** Resolves relative specifiers among these files. */
export function resolveAmong(files: ReadonlySet<string>): Resolve {
  return (from, specifier) => {
    if (!/^\.{1,2}(?:\/|$)/.test(specifier)) return undefined;
    const path = posix.join(posix.dirname(from), specifier.replace(/[?#].*$/, ''));
    if (path.startsWith('..')) return undefined;
    return candidatesOf(path).find((candidate) => files.has(candidate));
  };
}

function candidatesOf(given: string): readonly string[] {
  const path = given.replace(/\/$/, '');
  const extension = posix.extname(path);
  const compiled = (COMPILED[extension] ?? []).map((source) => path.slice(0, -extension.length) + source);
  const index = path === '.' ? 'index' : `${path}/index`;
  const asFile =
    given.endsWith('/') || path === '.' ? [] : [path, ...compiled, ...EXTENSIONS.map((ending) => path + ending)];
  return [...asFile, ...EXTENSIONS.map((ending) => index + ending)];
}

export interface FolderResolution {
  /** The folder that the files' paths are relative to. */
  readonly folder: string;
  /** Export conditions, besides `import`, `types`, `node` and `default`. */
  readonly conditions?: readonly string[];
}

/** Resolves as Node and TypeScript do in a folder, then keeps what is among the files. */
export function resolveInFolder(files: ReadonlySet<string>, { folder, conditions = [] }: FolderResolution): Resolve {
  const root = realpathSync(folder);
  const resolver = new ResolverFactory({
    conditionNames: [...conditions, 'import', 'types', 'node', 'default'],
    extensions: EXTENSIONS,
    extensionAlias: Object.fromEntries(
      Object.entries(COMPILED).map(([ending, sources]) => [ending, [ending, ...sources]]),
    ),
    mainFields: ['module', 'main'],
  });
  const among = resolveAmong(files);
  return (from, specifier) => {
    const near = among(from, specifier);
    if (near !== undefined) return near;
    const found = resolver.sync(resolvePath(root, dirname(from)), specifier).path;
    if (found === undefined) return undefined;
    const path = relative(root, found).split(sep).join('/');
    return files.has(path) ? path : undefined;
  };
}
