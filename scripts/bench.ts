// pnpm bench [name…] [--option…]: runs bench/<name>.ts, all of them if none is named; options are theirs.
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ensurePrograms } from './backends.ts';
import { buildPage } from './builds.ts';
import { explain } from './explain.ts';
import { root, run } from './workspace.ts';

await explain(async () => {
  const all = globSync('*.ts', { cwd: join(root, 'bench') })
    .map((path) => basename(path, '.ts'))
    .sort();
  const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
  const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Error(`no bench named ${unknown.join(', ')}; there are: ${all.join(', ')}`);
  await ensurePrograms();
  await buildPage();
  const failed: string[] = [];
  for (const name of names.length === 0 ? all : names) {
    const args = ['--conditions=@devmentor/source', join('bench', `${name}.ts`), ...options];
    const { exitCode } = await run({ command: 'node', args });
    if (exitCode !== 0) failed.push(name);
  }
  if (failed.length > 0)
    throw new Error(`did not reach, or could not measure, what was promised: ${failed.join(', ')}`);
});
