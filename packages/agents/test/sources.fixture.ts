// Files for boards: this repository's own, and small trees in a folder.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contribution, SourceFile } from '../src/index.ts';
import type { Components } from './cycles.oracle.ts';

export const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** The sources of the packages of this repository. */
export function ownSources(packages = readdirSync(join(repository, 'packages'))): SourceFile[] {
  return packages.flatMap((name) =>
    readdirSync(join(repository, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.tsx?$/.test(path))
      .map((path) => `packages/${name}/src/${path}`)
      .map((path) => ({ path, content: readFileSync(join(repository, path), 'utf8') })),
  );
}

export interface Tree extends Disposable {
  readonly folder: string;
}

export function writeFiles(files: readonly SourceFile[]): Tree {
  const folder = mkdtempSync(join(tmpdir(), 'devmentor-cycles-'));
  for (const { path, content } of files) {
    const full = join(folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The components that an architecture agent found, as an oracle says them. */
export function componentsIn(contributions: readonly Contribution[]): Components {
  const membersOf = (kind: string) =>
    contributions
      .filter((one) => one.kind === kind)
      .map(({ value }) => (value as { readonly members: string[] }).members);
  const runtime = membersOf('import-cycle');
  const grown = membersOf('type-cycle');
  const isPart = (members: readonly string[]) =>
    grown.some((larger) => members.every((member) => larger.includes(member)));
  // A component that is the same with and without types is said once, as the graver one.
  const all = [...grown, ...runtime.filter((members) => !isPart(members))];
  return { all: all.sort(byFirst), runtime: runtime.sort(byFirst) };
}

function byFirst([a = '']: readonly string[], [b = '']: readonly string[]): number {
  return a < b ? -1 : 1;
}
