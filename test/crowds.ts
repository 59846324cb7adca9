// Which test files may run beside others. What starts programs (servers, browsers, processes) is
// timed by them and runs alone; the rest shares the cores. Told by what a file imports, however far
// away, but not by what a package does that it names.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const starts = /from '(?:node:child_process|node:worker_threads|node:cluster|@playwright\/test|playwright-core)'/;
const imports = /(?:from|import|import\()\s*'(\.[^']+\.tsx?)'/g;

interface Source {
  readonly starts: boolean;
  readonly imports: readonly string[];
}

/** The files of these patterns, from the folder of the workspace. */
export function crowds(patterns: readonly string[]): { readonly together: string[]; readonly alone: string[] } {
  const known = new Map<string, Source>();
  const files = globSync([...patterns], { exclude: (name) => name.includes('node_modules') }).sort();
  const alone = new Set(files.filter((file) => reaches(resolve(file), known)));
  return { together: files.filter((file) => !alone.has(file)), alone: [...alone] };
}

function reaches(from: string, known: Map<string, Source>): boolean {
  const seen = new Set([from]);
  for (const file of seen) {
    const source = known.get(file) ?? read(file);
    known.set(file, source);
    if (source.starts) return true;
    for (const imported of source.imports) seen.add(imported);
  }
  return false;
}

/** What looks like an import may be a text that is tested with: there is no such file. */
function read(file: string): Source {
  if (!existsSync(file)) return { starts: false, imports: [] };
  const text = readFileSync(file, 'utf8');
  return {
    starts: starts.test(text),
    imports: [...text.matchAll(imports)].map(([, path = '']) => resolve(dirname(file), path)),
  };
}
