// pnpm test [vitest arguments…]: real backends in place, then every test.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms } from './backends.ts';
import { buildPage } from './builds.ts';
import { explain } from './explain.ts';
import { root, run } from './workspace.ts';

/** Vitest's own account of the last run; `.ci/run` counts from it. */
const report = join(root, '.cache', 'test-report.json');

await explain(async () => {
  await ensurePrograms();
  await buildPage();
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { exitCode } = await run({ command: 'vitest', args: ['run', ...reporters, ...process.argv.slice(2)] });
  process.exitCode = exitCode;
});
