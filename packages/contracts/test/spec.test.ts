import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('every rule of SPEC.md is named by a test, and every named rule stands there', () => {
  const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
  const rules = [...spec.matchAll(/(?:^- |\. |, )([A-Z]\d+)(?=[ ,])/gm)].map(([, id]) => id);
  const tests = readdirSync(new URL('.', import.meta.url)).filter((file) => file.endsWith('.test.ts'));
  const named = tests.flatMap((file) =>
    [...readFileSync(new URL(file, import.meta.url), 'utf8').matchAll(/'\[([A-Z]\d+)\]/g)].map(([, id]) => id),
  );
  expect(new Set(rules).size).toBe(rules.length);
  expect([...new Set(named)].sort()).toEqual([...rules].sort());
});
