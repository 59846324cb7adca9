// A real browser for tests.
import { dirname } from 'node:path';
import { type Browser, chromium, type LaunchOptions } from 'playwright-core';
import { fetchedPrograms, requireProgram } from './find-program.ts';

/** Names that a Chromium goes by on the systems we know. */
export const chromiumNames = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
] as const;

/** The path of this machine's Chromium. */
export function findChromium(): string {
  return requireProgram(...chromiumNames);
}

/** A headless Chromium. The caller closes it; it ends with this process at the latest. */
export function startChromium(options: LaunchOptions = {}): Promise<Browser> {
  const executablePath = findChromium();
  // A container does not pass on the pipe that Playwright talks through by default.
  const inContainer = dirname(executablePath) === fetchedPrograms;
  const args = [
    '--disable-dev-shm-usage',
    ...(inContainer ? ['--remote-debugging-port=0'] : []),
    ...(options.args ?? []),
  ];
  return chromium.launch({ ...options, executablePath, args });
}
