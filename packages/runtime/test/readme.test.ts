import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runReadmeExample } from '../../../test/readme.ts';
import { RUNTIME_CODES, STORE_CODES, TRANSPORT_CODES } from '../src/index.ts';

const readme = new URL('../README.md', import.meta.url);
const examples = new URL('../docs/examples.md', import.meta.url);

it('the example of the README keeps its promises', async () => {
  const { stdout } = await runReadmeExample(readme);
  expect(stdout).toBe('2\n');
});

for (const [, heading] of readFileSync(examples, 'utf8').matchAll(/^## (.*)$/gm))
  it(`the example keeps its promises: ${heading}`, async () => {
    await runReadmeExample(examples, heading);
  });

it('the README explains every code', () => {
  const text = readFileSync(readme, 'utf8');
  for (const code of [...RUNTIME_CODES, ...STORE_CODES, ...TRANSPORT_CODES]) expect(text).toContain(code);
});
