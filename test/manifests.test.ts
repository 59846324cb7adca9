import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { libraryBuild, sourceCondition } from '../scripts/library-build.ts';
import { packages } from '../scripts/workspace.ts';
import { root } from './tool.ts';

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
}

const { hooks }: { hooks: { beforePacking(manifest: Manifest): Manifest } } = await import(join(root, '.pnpmfile.mjs'));

describe('the manifests of the packages', () => {
  it('the list of packages is the folder of packages', () => {
    expect([...packages].sort()).toEqual(readdirSync(join(root, 'packages')).sort());
  });

  it.each(packages)('%s builds exactly the files that it exports', (name) => {
    const built = Object.keys(libraryBuild(join(root, 'packages', name)).entry ?? {});
    const { exports, bin = {} } = manifestOf(name);
    const promised = [...Object.values(exports).map(({ default: path }) => path), ...Object.values(bin)];
    expect(built.map((entry) => `./dist/${entry}.js`).sort()).toEqual([...new Set(promised)].sort());
    for (const { default: path, types } of Object.values(exports)) expect(types).toBe(path?.replace(/\.js$/, '.d.ts'));
  });

  it.each(packages)('%s is published without the condition that leads to its sources', (name) => {
    const manifest = manifestOf(name);
    expect(Object.values(manifest.exports).every((conditions) => Object.keys(conditions)[0] === sourceCondition)).toBe(
      true,
    );
    expect(JSON.stringify(hooks.beforePacking(manifest))).not.toContain(sourceCondition);
  });
});

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest;
}
