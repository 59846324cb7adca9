// pnpm bench [name…] [--option…]: runs bench/<name>.ts, all of a folder such as `runtime`, or all
// there are; options are theirs. `--list` names them. What a bench is made of lies in folders below.
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms } from './backends.ts';
import { buildPage } from './builds.ts';
import { explain } from './explain.ts';
import { root, run } from './workspace.ts';

/** Folders of benches; any other holds parts of them. */
const folders = ['runtime'] as const;
/** Those that open the page in a browser. */
const ofThePage: readonly string[] = ['claims'];

await explain(async () => {
  const all = globSync(['*.ts', ...folders.map((folder) => `${folder}/*.ts`)], {
    cwd: join(root, 'bench'),
    exclude: ['**/*.d.ts', '**/.*'],
  })
    .map((path) => path.slice(0, -'.ts'.length))
    .sort();
  const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
  if (options.includes('--list')) {
    process.stdout.write(`${all.join('\n')}\n`);
    return;
  }
  const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const named = (name: string): string[] => all.filter((one) => one === name || one.startsWith(`${name}/`));
  const unknown = asked.filter((name) => named(name).length === 0);
  if (unknown.length > 0) throw new Error(`no bench named ${unknown.join(', ')}; there are: ${all.join(', ')}`);
  const names = asked.length === 0 ? all : [...new Set(asked.flatMap(named))];
  await ensurePrograms();
  if (names.some((name) => ofThePage.includes(name))) await buildPage();
  const failed: string[] = [];
  for (const [at, name] of names.entries()) {
    if (names.length > 1) process.stderr.write(`${name} (${at + 1} of ${names.length})\n`);
    const args = ['--conditions=@devmentor/source', join('bench', `${name}.ts`), ...options];
    const { exitCode } = await run({ command: 'node', args });
    if (exitCode !== 0) failed.push(name);
  }
  if (failed.length > 0)
    throw new Error(`did not reach, or could not measure, what was promised: ${failed.join(', ')}`);
});
