import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
const id = /[A-Z]{2}\d+/g;

/** The rules, each on a line of its own; `XX1 to XX9` are all of them. */
const rules = spec
  .split('\n')
  .map((line) => /^- \*\*(.+?)\*\*/.exec(line)?.[1])
  .filter((head) => head !== undefined)
  .flatMap((head) => {
    const [first = '', last = first] = head.match(id) ?? [];
    const from = Number(first.slice(2));
    return Array.from({ length: Number(last.slice(2)) - from + 1 }, (_, n) => `${first.slice(0, 2)}${from + n}`);
  });

/** Every id that a test bears: in its name, or in that of a suite which adapters run. */
const named = new Set(
  ['.', '../src/']
    .flatMap((folder) =>
      readdirSync(new URL(folder, import.meta.url), { recursive: true }).map((file) => `${folder}/${file}`),
    )
    .filter((file) => /\.(test|suite|contract.*)\.ts$/.test(file))
    .flatMap((file) => [...readFileSync(new URL(file, import.meta.url), 'utf8').matchAll(/\[([A-Z]{2}\d+)\]/g)])
    .map(([, rule]) => rule as string),
);

it('every rule of SPEC.md is borne by a test, and every id that a test bears is a rule', () => {
  expect(new Set(rules).size).toBe(rules.length);
  expect(rules.filter((rule) => !named.has(rule))).toEqual([]);
  expect([...named].filter((rule) => !rules.includes(rule))).toEqual([]);
});
