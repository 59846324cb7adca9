import { defineConfig } from '@playwright/test';
import { findChromium } from '../../test/chromium.ts';

// The servers name their own ports (test/servers.ts); they reach this file as environment
// variables by the time a worker reads it.
const { EMBEDDED_VERBATIM, EMBEDDED_NAMED, CLUSTER_VERBATIM, CLUSTER_NAMED_1, CLUSTER_NAMED_2 } = process.env;

const verbatim = 'project-collaboration.spec.ts';
const own = ['two-people.spec.ts', 'editing.spec.ts', 'review.spec.ts'];

// Who arrives first on a server is "User 1", so the epic's own flow gets servers that
// nobody has visited.
export default defineConfig({
  testDir: 'test/browser',
  outputDir: '../../.cache/browser-results',
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 30_000,
  expect: { timeout: 8_000 },
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    trace: 'retain-on-failure',
    launchOptions: { executablePath: findChromium(), args: ['--disable-dev-shm-usage'] },
  },
  projects: [
    { name: 'embedded, verbatim', testMatch: verbatim, use: { baseURL: EMBEDDED_VERBATIM } },
    { name: 'embedded', testMatch: own, metadata: { first: EMBEDDED_NAMED, second: EMBEDDED_NAMED } },
    { name: 'Redis + NATS, verbatim', testMatch: verbatim, use: { baseURL: CLUSTER_VERBATIM } },
    {
      name: 'Redis + NATS, two servers',
      testMatch: own,
      metadata: { first: CLUSTER_NAMED_1, second: CLUSTER_NAMED_2 },
    },
  ],
  webServer: {
    command: `"${process.execPath}" --conditions=@devmentor/source test/servers.ts`,
    wait: {
      stdout:
        /ready embedded (?<embedded_verbatim>\S+) (?<embedded_named>\S+) cluster (?<cluster_verbatim>\S+) (?<cluster_named_1>\S+) (?<cluster_named_2>\S+)/,
    },
    timeout: 60_000,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 },
  },
});
