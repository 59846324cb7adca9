import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, runTool, writeTree } from './tool.ts';

const platformTime = [
  'Date.now()',
  'new Date()',
  'performance.now()',
  'setTimeout(f, 1)',
  'setInterval(f, 1)',
  'setImmediate(f)',
];
const platformChance = ['Math.random()', 'crypto.randomUUID()', 'globalThis.crypto.getRandomValues(f)'];

describe('the determinism lint', () => {
  it.each([...platformTime, ...platformChance])('refuses %s in the source of a package', async (expression) => {
    expect(await lint('packages/runtime/src/example.ts', `use(${expression});`)).toContain(complaint);
  });

  it.each(['node:timers/promises', 'node:perf_hooks'])(
    'refuses to import %s in the source of a package',
    async (module) => {
      const code = `import * as platform from '${module}';\nuse(platform);`;
      expect(await lint('packages/locks/src/example.ts', code)).toContain(complaint);
    },
  );

  it('refuses randomUUID of node:crypto, and lets createHash be', async () => {
    const using = (name: string): string => `import { ${name} } from 'node:crypto';\nuse(${name});`;
    expect(await lint('packages/locks/src/example.ts', using('randomUUID'))).toContain(complaint);
    expect(await lint('packages/locks/src/example.ts', using('createHash'))).not.toContain(complaint);
  });

  it('lets a date be made from a given time', async () => {
    expect(await lint('packages/runtime/src/example.ts', 'use(new Date(atMs));')).not.toContain(complaint);
  });

  it.each([
    'packages/locks/src/clock.system.ts',
    'packages/react/src/clock.system.ts',
    'packages/runtime/test/example.test.ts',
  ])('lets %s touch the platform', async (path) => {
    expect(await lint(path, 'use(Date.now(), setTimeout(f, 1));')).not.toContain(complaint);
  });
});

const complaint = 'injected';

/** What Biome says of a file at this path, in a tree that has the workspace's rules. */
async function lint(path: string, code: string): Promise<string> {
  using tree = writeTree({ '.gitignore': 'node_modules/\n', [path]: `${code}\n` });
  cpSync(join(root, 'biome.json'), join(tree.directory, 'biome.json'));
  cpSync(join(root, 'scripts', 'lint'), join(tree.directory, 'scripts', 'lint'), { recursive: true });
  const { output } = await runTool('biome', ['lint', 'packages'], { cwd: tree.directory });
  expect(output).toContain('Checked 1 file');
  return output;
}
