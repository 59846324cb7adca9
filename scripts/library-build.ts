// How every package of the workspace is built; its `tsup.config.ts` only calls this.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from 'tsup';

/** The export condition under which the workspace, and only it, reads sources. */
export const sourceCondition = '@devmentor/source';

interface Manifest {
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
}

/** ESM with declarations; one entry for each of the manifest's exports and programs. */
export function libraryBuild(directory = process.cwd()): Options {
  return {
    entry: entriesOf(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest),
    format: 'esm',
    target: 'node20.19',
    // `node:sqlite` has no other name.
    removeNodeProtocol: false,
    // The workspace's own: a package's declarations are made from the sources of the others.
    tsconfig: join(directory, '..', '..', 'tsconfig.json'),
    dts: true,
    clean: true,
    splitting: true,
    sourcemap: true,
    treeshake: true,
    silent: true,
  };
}

function entriesOf(manifest: Manifest): Record<string, string> {
  const sources = [
    ...Object.values(manifest.exports ?? {}).map((conditions) => conditions[sourceCondition]),
    ...Object.values(manifest.bin ?? {}).map((path) => path.replace(/^\.\/dist\//, './src/').replace(/\.js$/, '.ts')),
  ];
  return Object.fromEntries(
    sources.filter((path) => path !== undefined).map((path) => [path.replace(/^\.\/src\/|\.tsx?$/g, ''), path]),
  );
}
