import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runReadmeExample } from '../../../test/readme.ts';
import { RUNTIME_CODES, STORE_CODES, TRANSPORT_CODES } from '../src/index.ts';

const readme = new URL('../README.md', import.meta.url);
const guide = new URL('../docs/simulation.md', import.meta.url);
const examples = new URL('../docs/examples.md', import.meta.url);

it('the example of the README keeps its promises', async () => {
  const { stdout } = await runReadmeExample(readme);
  expect(stdout).toBe('2\n');
});

for (const [, heading] of readFileSync(examples, 'utf8').matchAll(/^## (.*)$/gm))
  it(`the example keeps its promises: ${heading}`, async () => {
    await runReadmeExample(examples, heading);
  });

it('the simulation of the README keeps its promises', async () => {
  await runReadmeExample(readme, 'Simulating');
});

for (const heading of ['From an actor type alone', 'A scenario in a test'])
  it(`the example of the guide to the simulator keeps its promises: ${heading}`, async () => {
    await runReadmeExample(guide, heading);
  });

it('the guide to the simulator names every kind of fault and every check', () => {
  const text = readFileSync(guide, 'utf8');
  const source = (file: string): string => readFileSync(new URL(`../src/simulation/${file}`, import.meta.url), 'utf8');
  const kinds = [...source('fault.ts').matchAll(/readonly kind: '(\w+)'/g)].map(([, kind]) => kind);
  const checks = ['as-the-machine.ts', 'order-checks.ts', 'fence-checks.ts', 'run-checks.ts'].flatMap((file) =>
    [...source(file).matchAll(/^export function (\w+)(?=[^{]*\): (?:RunCheck|Check)\b)/gm)].map(([, name]) => name),
  );
  expect(kinds).toContain('failover');
  expect(checks).toContain('exclusiveByFence');
  for (const name of [...kinds, ...checks]) expect(text).toContain(`\`${name}`);
});

it('the README explains every code', () => {
  const text = readFileSync(readme, 'utf8');
  for (const code of [...RUNTIME_CODES, ...STORE_CODES, ...TRANSPORT_CODES]) expect(text).toContain(code);
});
