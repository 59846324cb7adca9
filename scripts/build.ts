// pnpm build: every package and the demo page, what is stale of them.
import { buildPackages, buildPage } from './builds.ts';
import { explain } from './explain.ts';

await explain(async () => {
  await buildPackages();
  await buildPage();
});
