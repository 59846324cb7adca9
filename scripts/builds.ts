// What is built, from what, and how: the page by Vite, the packages by tsup.
import { type Build, isFresh, markFresh } from './stamp.ts';
import { packages, run, type Step } from './workspace.ts';

const everywhere = ['pnpm-lock.yaml', 'tsconfig*.json', 'scripts/library-build.ts'];

/** Where the demo page ends up, relative to the root. */
export const pageDirectory = 'examples/collab/dist';

const page: Build & Step = {
  name: 'page',
  inputs: [...everywhere, 'examples/collab/**', 'packages/{react,contracts}/{package.json,src/**}'],
  product: `${pageDirectory}/index.html`,
  command: 'vite',
  args: ['build', '--logLevel', 'warn'],
  cwd: 'examples/collab',
};

// Declarations are made from the sources of the packages that one depends on, so a change
// in any of them makes all of them stale.
const libraries: readonly (Build & Step)[] = packages.map((name) => ({
  name,
  inputs: [...everywhere, 'packages/*/src/**', 'packages/*/*.{json,ts}'],
  product: `packages/${name}/dist/index.js`,
  command: 'tsup',
  cwd: `packages/${name}`,
}));

/** Builds the demo page unless it is up to date. */
export function buildPage(): Promise<void> {
  return build(page);
}

/** Builds every package that is not up to date. */
export async function buildPackages(): Promise<void> {
  const waiting = [...libraries];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await build(next);
  };
  await allEnded([worker(), worker()]);
}

/** As `Promise.all`, but no work goes on after it has rejected. */
export async function allEnded(work: readonly Promise<void>[]): Promise<void> {
  const failures = (await Promise.allSettled(work)).filter((result) => result.status === 'rejected');
  if (failures.length > 0) throw new Error(failures.map(({ reason }) => String(reason?.message ?? reason)).join('\n'));
}

async function build(target: Build & Step): Promise<void> {
  if (isFresh(target)) return;
  process.stderr.write(`building ${target.name}\n`);
  const { exitCode, output } = await run({ ...target, output: 'collect' });
  if (exitCode !== 0) throw new Error(`${target.name} does not build:\n${output}`);
  markFresh(target);
}
