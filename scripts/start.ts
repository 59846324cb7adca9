// pnpm start: the server with its demo page. Packages run from source; only the page is built.
//
// The server takes over this process, so signals, exit code and environment are its own.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildPage, pageDirectory } from './builds.ts';
import { explain } from './explain.ts';
import { endWithNpx } from './npx.ts';
import { root } from './workspace.ts';

const main = join(root, 'packages', 'server', 'src', 'main.ts');

await explain(async () => {
  await buildPage();
  process.argv.splice(1, 1, main, '--demo', '--ui', join(root, pageDirectory));
  await import(pathToFileURL(main).href);
  endWithNpx();
});
