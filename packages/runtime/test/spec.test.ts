// Every rule has a test, and every test that names a rule names one that exists.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (folder: string): string[] =>
  readdirSync(new URL(folder, import.meta.url))
    .filter((file) => file.endsWith('.test.ts') || file.endsWith('.contract.ts'))
    .map((file) => readFileSync(new URL(`${folder}/${file}`, import.meta.url), 'utf8'));

const tests = [...read('.'), ...read('../src')].join('\n');
const tested = new Set([...tests.matchAll(/\[([A-Z]{2}\d+)\]/g)].map(([, id]) => id ?? ''));
const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
const rules = rulesOf(spec);
/** Before the sections of the ports, whose rules about other people's adapters cannot all be tried. */
const own = rulesOf(spec.slice(0, spec.indexOf('\n## Driver')));

function rulesOf(text: string): ReadonlySet<string> {
  const rows = [...text.matchAll(/^\| ([A-Z]{2}\d+)(?: to ([A-Z]{2})(\d+))? \|/gm)];
  return new Set(
    rows.flatMap(([, id = '', prefix, last]) =>
      prefix === undefined ? [id] : Array.from({ length: Number(last) }, (_, i) => `${prefix}${i + 1}`),
    ),
  );
}

it('every rule of the runtime has a test that carries its id', () => {
  expect(own.size).toBeGreaterThan(50);
  expect([...own].filter((id) => !tested.has(id))).toEqual([]);
});

it('every rule that a test names is in SPEC.md, where its section is', () => {
  const sections = new Set([...rules].map((id) => id.slice(0, 2)));
  expect([...tested].filter((id) => sections.has(id.slice(0, 2)) && !rules.has(id))).toEqual([]);
});
