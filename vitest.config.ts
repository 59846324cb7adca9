import { defineConfig } from 'vitest/config';

// Workspace packages resolve to their sources: a test never sees a stale build.
const source = '@devmentor/source';

export default defineConfig({
  resolve: { conditions: [source, 'module', 'development|production'] },
  ssr: {
    resolve: {
      conditions: [source, 'node', 'development|production'],
      externalConditions: [source, 'node'],
    },
  },
  test: {
    include: ['packages/*/test/**/*.test.{ts,tsx}', 'examples/*/test/**/*.test.{ts,tsx}', 'test/**/*.test.ts'],
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
