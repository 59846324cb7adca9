import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, runTool, type ToolRun, writeTree } from './tool.ts';

describe('the arrows between packages', () => {
  it('a tree that keeps to them passes', async () => {
    const { exitCode, output } = await cruise({
      'packages/locks/src/redis-link.ts': "import { Redis } from 'ioredis';\nexport const link = new Redis();",
      'packages/runtime/src/index.ts': "export { link } from '../../../node_modules/@devmentor/locks/index.ts';",
    });
    expect(output).toContain('no dependency violations');
    expect(exitCode).toBe(0);
  });

  it.each([
    ['locks-packages', 'packages/locks/src/a.ts', "import { b } from '../../runtime/src/b.ts'; export const a = b;"],
    [
      'locks-packages',
      'packages/locks/src/a.ts',
      "import type { B } from '../../runtime/src/b.ts';\nexport type A = B;",
    ],
    ['contracts-libraries', 'packages/contracts/src/a.ts', "import { Redis } from 'ioredis'; export const a = Redis;"],
    [
      'redis-in-redis-files',
      'packages/locks/src/a.ts',
      "import type { Redis } from 'ioredis';\nexport type A = Redis;",
    ],
    ['zod-free', 'packages/contracts/src/codes.ts', "import { z } from 'zod'; export const a = z;"],
    ['node-free', 'packages/react/src/a.ts', "import { readFileSync } from 'node:fs'; export const a = readFileSync;"],
    ['nothing-imports-tests', 'packages/locks/src/a.ts', "import { t } from '../test/t.ts'; export const a = t;"],
    ['no-cycles', 'packages/locks/src/a.ts', "import { c } from './c.ts'; export const a = c;"],
    ['resolvable', 'packages/locks/src/a.ts', "import { c } from 'nowhere'; export const a = c;"],
  ])('[%s] refuses, in %s: %s', async (rule, path, code) => {
    const { exitCode, output } = await cruise({ [path]: code });
    expect(output).toContain(`error ${rule}:`);
    expect(exitCode).not.toBe(0);
  });
});

/** Cruises a small tree of its own under the workspace's rules. */
async function cruise(files: Readonly<Record<string, string>>): Promise<ToolRun> {
  const content: Record<string, string> = {
    'tsconfig.json':
      '{ "compilerOptions": { "module": "NodeNext", "allowImportingTsExtensions": true, "noEmit": true } }',
    'packages/locks/src/index.ts': 'export const link = 1;',
    'packages/locks/src/c.ts': "import { a } from './a.ts';\nexport const c: unknown = a;",
    'packages/locks/src/a.ts': 'export const a = 1;',
    'packages/locks/test/t.ts': 'export const t = 1;',
    'packages/runtime/src/b.ts': 'export type B = 1;\nexport const b = 1;',
    'node_modules/@devmentor/locks/index.ts': 'export const link = 1;',
    ...files,
  };
  for (const library of ['ioredis', 'zod']) {
    content[`node_modules/${library}/package.json`] =
      `{ "name": "${library}", "version": "1.0.0", "main": "index.js" }`;
    content[`node_modules/${library}/index.js`] = 'module.exports = {};';
  }
  using tree = writeTree(content);
  return await runTool('depcruise', ['packages', '--config', join(root, '.dependency-cruiser.js')], {
    cwd: tree.directory,
  });
}
