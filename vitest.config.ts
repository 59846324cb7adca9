import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { crowds } from './test/crowds.ts';

// Workspace packages resolve to their sources: a test never sees a stale build.
const source = '@devmentor/source';

const { together, alone } = crowds([
  'packages/*/test/**/*.test.{ts,tsx}',
  'examples/*/test/**/*.test.{ts,tsx}',
  'test/**/*.test.ts',
]);

export default defineConfig({
  resolve: { conditions: [source, 'module', 'development|production'] },
  ssr: {
    resolve: {
      conditions: [source, 'node', 'development|production'],
      externalConditions: [source, 'node'],
    },
  },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'together', include: together, maxWorkers: availableParallelism(), sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
    environment: 'node',
    setupFiles: ['test/property-seed.ts'],
    // A process of its own for every file: backends are ended by pid, and a fault in one
    // file cannot reach another.
    pool: 'forks',
    server: { deps: { inline: [/@devmentor\//] } },
    testTimeout: 20_000,
    hookTimeout: 40_000,
    teardownTimeout: 5_000,
    // For what Node itself resolves: worker threads and forks of a test.
    execArgv: ['--conditions=@devmentor/source'],
  },
});
