// Every rule has a test, and every test that names a rule names one that exists.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (folder: string): string[] =>
  readdirSync(new URL(folder, import.meta.url))
    .filter((file) => file.endsWith('.test.ts') || file.endsWith('.contract.ts'))
    .map((file) => readFileSync(new URL(`${folder}/${file}`, import.meta.url), 'utf8'));

const tests = [...read('.'), ...read('./simulation'), ...read('../src')].join('\n');
const tested = new Set([...tests.matchAll(/\[([A-Z]{2}\d+)\]/g)].map(([, id]) => id ?? ''));
const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
const rules = rulesOf(spec);

function rulesOf(text: string): ReadonlySet<string> {
  const rows = [...text.matchAll(/^\| ([A-Z]{2}\d+)(?: to ([A-Z]{2})(\d+))? \|/gm)];
  return new Set(
    rows.flatMap(([, id = '', prefix, last]) =>
      prefix === undefined ? [id] : Array.from({ length: Number(last) }, (_, i) => `${prefix}${i + 1}`),
    ),
  );
}

it('every rule has a test that carries its id', () => {
  expect(rules.size).toBeGreaterThan(120);
  expect([...rules].filter((id) => !tested.has(id))).toEqual([]);
});

it('every rule that a test names is in SPEC.md', () => {
  expect([...tested].filter((id) => !rules.has(id))).toEqual([]);
});
