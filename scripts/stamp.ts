// What was built from what: a build is fresh while the contents of its inputs are the same.
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './workspace.ts';

export interface Build {
  readonly name: string;
  /** Glob patterns of everything the output depends on, relative to the root. */
  readonly inputs: readonly string[];
  /** A file that the build leaves; without it nothing is fresh. */
  readonly product: string;
}

export function isFresh(build: Build): boolean {
  const path = stampPath(build);
  return existsSync(join(root, build.product)) && existsSync(path) && readFileSync(path, 'utf8') === digest(build);
}

/** Call it when the build has ended well. */
export function markFresh(build: Build): void {
  const path = stampPath(build);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, digest(build));
}

function stampPath(build: Build): string {
  return join(root, '.cache', 'stamps', build.name);
}

function digest(build: Build): string {
  const hash = createHash('sha256');
  const exclude = (path: string): boolean => /(^|\/)(node_modules|dist)$/.test(path);
  for (const path of globSync([...build.inputs], { cwd: root, exclude }).sort()) {
    const file = join(root, path);
    if (statSync(file).isFile()) hash.update(`${path}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}
