// Which test files may run beside others. What starts servers, browsers or processes is timed by
// them and runs alone; the rest shares the cores. Told by what a file imports, however far away.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const starts = /from '(?:node:child_process|node:worker_threads|node:cluster|@playwright\/test|playwright-core)'/;
const imports = /(?:from|import|import\()\s*'(\.[^']+\.tsx?)'/g;

/** The files of these patterns, from the folder of the workspace. */
export function crowds(patterns: readonly string[]): { readonly together: string[]; readonly alone: string[] } {
  const known = new Map<string, boolean>();
  const files = globSync([...patterns], { exclude: (name) => name.includes('node_modules') }).sort();
  const isAlone = (file: string): boolean => startsProcesses(resolve(file), known);
  return { together: files.filter((file) => !isAlone(file)), alone: files.filter(isAlone) };
}

function startsProcesses(file: string, known: Map<string, boolean>): boolean {
  const before = known.get(file);
  if (before !== undefined) return before;
  // Files that import each other are looked at once.
  known.set(file, false);
  // What looks like an import may be a text that is tested with.
  if (!existsSync(file)) return false;
  const text = readFileSync(file, 'utf8');
  const does =
    starts.test(text) ||
    [...text.matchAll(imports)].some(([, path = '']) => startsProcesses(resolve(dirname(file), path), known));
  known.set(file, does);
  return does;
}
