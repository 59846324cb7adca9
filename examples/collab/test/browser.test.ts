// The browser tests as part of `pnpm test`: Playwright runs them, this only tells how it went.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { build } from 'vite';
import { expect, it } from 'vitest';

const example = join(import.meta.dirname, '..');
const playwright = join(example, 'node_modules', '@playwright', 'test', 'cli.js');

it('people edit a project one at a time, in real browsers, embedded and on Redis + NATS', {
  timeout: 600_000,
}, async () => {
  await build({ root: example, logLevel: 'error' });
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, [playwright, 'test'], { cwd: example, env });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const [exitCode] = await once(child, 'close');
  expect(exitCode, output).toBe(0);
});
