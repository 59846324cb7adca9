import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runTool, writeTree } from '../../../test/tool.ts';

it('[UP4] the build says that hooks belong to a browser, and that the client does not', async () => {
  using tree = writeTree({});
  const args = ['--no-dts', '--out-dir', tree.directory];
  const { exitCode, output } = await runTool('tsup', args, { cwd: join(import.meta.dirname, '..') });
  expect(exitCode, output).toBe(0);
  expect(await readFile(join(tree.directory, 'index.js'), 'utf8')).toMatch(/^'use client';/);
  expect(await readFile(join(tree.directory, 'client.js'), 'utf8')).not.toContain('use client');
});
