// pnpm check: everything that says yes or no without running the product.

import { allEnded, buildPackages, buildPage } from './builds.ts';
import { explain } from './explain.ts';
import { run, type Step } from './workspace.ts';

const code = ['packages', 'examples', 'test', 'bench', 'scripts'];

const steps: readonly (Step & { readonly name: string })[] = [
  { name: 'format and lint', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
  { name: 'promises', command: 'oxlint', args: code },
  { name: 'arrows', command: 'depcruise', args: [...code, '--config', '.dependency-cruiser.js'] },
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json', '--pretty'] },
];

await explain(async () => {
  const failed: string[] = [];
  const report = (name: string, passed: boolean, sinceMs: number): void => {
    if (!passed) failed.push(name);
    process.stdout.write(
      `${passed ? 'ok    ' : 'FAILED'} ${name} (${((performance.now() - sinceMs) / 1000).toFixed(1)} s)\n`,
    );
  };
  for (const step of steps) {
    const since = performance.now();
    const { exitCode, output } = await run({ ...step, output: 'collect' });
    if (exitCode !== 0) process.stdout.write(output);
    report(step.name, exitCode === 0, since);
  }
  const since = performance.now();
  try {
    await allEnded([buildPackages(), buildPage()]);
    report('build', true, since);
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
    report('build', false, since);
  }
  if (failed.length > 0) throw new Error(`check failed: ${failed.join(', ')}`);
});
