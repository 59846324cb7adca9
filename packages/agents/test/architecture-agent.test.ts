import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ArchitectureAgent,
  type ArchitectureOptions,
  BlackboardSystem,
  type Contribution,
  type Solution,
  type SourceFile,
} from '../src/index.ts';
import { type Components, cruisedCircular, cruisedComponents } from './cycles.oracle.ts';
import { componentsIn, ownSources, repository, writeFiles } from './sources.fixture.ts';

const condition = '@devmentor/source';

describe('the architecture agent beside dependency-cruiser', () => {
  it('[AR1] finds the same components in this repository, with and without type-only imports', {
    timeout: 120_000,
  }, async () => {
    const files = ownSources();
    expect(files.length).toBeGreaterThan(100);
    const { components } = await review(files, { resolve: { folder: repository, conditions: [condition] } });
    const folders = [...new Set(files.map(({ path }) => path.split('/').slice(0, 3).join('/')))];
    expect(components).toEqual(await cruisedComponents(repository, folders, [condition]));
  });

  it('[AR1] finds the same components in a tree with every form of import', { timeout: 60_000 }, async () => {
    using tree = writeFiles(knots);
    const { components } = await review(knots);
    expect(components).toEqual(await cruisedComponents(tree.folder, ['src']));
    expect(components.runtime).toEqual([
      ['src/a.ts', 'src/b.ts', 'src/c.ts'],
      ['src/d.ts', 'src/e.ts'],
      ['src/f.ts', 'src/g/index.ts'],
      ['src/h.cts', 'src/i.cts'],
    ]);
    expect(components.all.length).toBeGreaterThan(components.runtime.length);
    expect(components.all.flat().sort()).toEqual(await cruisedCircular(tree.folder, ['src']));
  });

  it('[AR1] finds the same components in random trees', { timeout: 180_000 }, async () => {
    let cyclic = 0;
    await fc.assert(
      fc.asyncProperty(randomTree, async (files) => {
        using tree = writeFiles(files);
        const { components } = await review(files);
        expect(components).toEqual(await cruisedComponents(tree.folder, ['src']));
        cyclic += components.all.length;
      }),
      { numRuns: 20 },
    );
    expect(cyclic).toBeGreaterThan(0);
  });
});

describe('a Solution of the architecture agent', () => {
  it('[AR2] says of each component which imports to cut, and without them no cycle is left', {
    timeout: 60_000,
  }, async () => {
    const { findings } = await review(knots);
    expect(findings.length).toBeGreaterThan(3);
    for (const { value } of findings) {
      const { members, cut, exact } = value as {
        members: string[];
        cut: { from: string; to: string }[];
        exact: boolean;
      };
      expect(exact).toBe(true);
      expect(cut).toHaveLength(1);
      for (const { from, to } of cut) expect([members.includes(from), members.includes(to)]).toEqual([true, true]);
    }
    expect(findings[0]?.value).toMatchObject({ cut: [{ from: 'src/c.ts', to: 'src/a.ts', line: 1, names: 1 }] });
  });

  it('[AR3] every statement leads to files, and every span shows an import of the file with that hash', {
    timeout: 60_000,
  }, async () => {
    const { solution, texts } = await review(knots);
    expect(solution.statements.length).toBeGreaterThan(3);
    let shown = 0;
    for (const statement of solution.statements) {
      expect(statement.contributions.length).toBeGreaterThan(1);
      expect(statement.basis).toBe('evidence');
      for (const { file, sha256, span } of statement.evidence) {
        const text = texts.get(sha256);
        expect(knots).toContainEqual({ path: file, content: text });
        if (span === undefined) continue;
        const line = text?.split('\n')[span.startLine - 1]?.slice((span.startColumn ?? 1) - 1);
        expect(line).toMatch(/^(?:import|export|require)\b/);
        shown += 1;
      }
    }
    expect(shown).toBeGreaterThan(3);
  });

  it('[AR4] a file whose cycle was mended takes its statement away; mending it back restores it', {
    timeout: 60_000,
  }, async () => {
    await using stack = new AsyncDisposableStack();
    const boards = new BlackboardSystem({ sources: [new ArchitectureAgent()] });
    stack.defer(() => boards.stop());
    const files = [
      { path: 'a.ts', content: "import './b.ts';" },
      { path: 'b.ts', content: "import './a.ts';" },
    ];
    const id = await boards.initializeProblem({ title: 'Two', description: '', files });
    await boards.settled(id);
    const before = await boards.synthesizeSolution(id);
    await boards.contribute(id, 'ada', { level: 'source', value: { path: 'b.ts', content: 'export {};' } });
    await boards.settled(id);
    expect((await boards.synthesizeSolution(id)).statements).toEqual([]);
    await boards.contribute(id, 'ada', { level: 'source', value: { path: 'b.ts', content: "import './a.ts';" } });
    await boards.settled(id);
    expect((await boards.synthesizeSolution(id)).statements.map(({ text }) => text)).toEqual(
      before.statements.map(({ text }) => text),
    );
    expect(before.statements).toHaveLength(1);
  });

  it('[AR5] a file that cannot be parsed is said to be so, and the others are judged', {
    timeout: 60_000,
  }, async () => {
    const { solution } = await review([{ path: 'src/broken.ts', content: 'import {' }, ...knots]);
    const texts = solution.statements.map(({ kind }) => kind);
    expect(texts).toContain('syntax');
    expect(texts).toContain('import-cycle');
  });
});

const knots: readonly SourceFile[] = [
  {
    path: 'src/a.ts',
    content:
      "import { b, two } from './b.ts';\nimport type { T } from './t.ts';\nexport const a = [b, two] as unknown as T;",
  },
  { path: 'src/b.ts', content: "export { c as b, c2 as two } from './c.ts';" },
  { path: 'src/c.ts', content: "export const c = async () => (await import('./a.ts')).a;\nexport const c2 = 1;" },
  { path: 'src/d.ts', content: "export * from './e.ts';" },
  { path: 'src/e.ts', content: "import './d.js';\nexport const e = 1;" },
  { path: 'src/f.ts', content: "import * as g from './g';\nexport const f = g;" },
  { path: 'src/g/index.ts', content: "import { f } from '../f';\nexport const g = f;" },
  { path: 'src/h.cts', content: "const i = require('./i.cts');\nmodule.exports = i;" },
  { path: 'src/i.cts', content: "import h = require('./h.cts');\nexport = h;" },
  { path: 'src/t.ts', content: "import type { U } from './u.ts';\nexport type T = U;" },
  { path: 'src/u.ts', content: "export type U = import('./t.ts').T | 1;" },
  { path: 'src/v.ts', content: "import { type W } from './w.ts';\nexport type V = W;" },
  { path: 'src/w.ts', content: "export type { V as W } from './v.ts';" },
  { path: 'src/alone.ts', content: "import 'node:fs';\nimport './missing.ts';\nimport './a.ts';" },
];

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;
const forms = [
  (to: string) => `import { x as x_${to} } from './${to}.ts';`,
  (to: string) => `import type { x as t_${to} } from './${to}.ts';`,
  (to: string) => `import { type x as u_${to} } from './${to}.ts';`,
  (to: string) => `export * from './${to}.ts';`,
  (to: string) => `export type { x as v_${to} } from './${to}.ts';`,
  // Named in a way of its own: of a dynamic import and an imported type of one name dependency-cruiser keeps the first.
  (to: string) => `export const d_${to} = () => import('../src/${to}.ts');`,
  (to: string) => `export type I_${to} = import('./${to}.ts').x;`,
  (to: string) => `import './${to}.js';`,
] as const;

const randomTree = fc
  .array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names), fc.constantFrom(...forms)), {
    minLength: 6,
    maxLength: 24,
    size: 'max',
  })
  .map((edges): SourceFile[] =>
    names.map((name) => {
      const lines = edges.filter(([from, to]) => from === name && to !== name).map(([, to, form]) => form(to));
      return { path: `src/${name}.ts`, content: [...new Set(lines), 'export const x = 1;'].join('\n') };
    }),
  );

interface Review {
  readonly components: Components;
  readonly findings: readonly Contribution[];
  readonly solution: Solution;
  readonly texts: ReadonlyMap<string, string>;
}

/** What a board with the agent says of these files. */
async function review(files: readonly SourceFile[], options: ArchitectureOptions = {}): Promise<Review> {
  await using stack = new AsyncDisposableStack();
  const boards = new BlackboardSystem({ sources: [new ArchitectureAgent(options)] });
  stack.defer(() => boards.stop());
  const id = await boards.initializeProblem({ title: 'Cycles', description: '', files });
  await boards.settled(id);
  const { items } = await boards.contributions(id, { limit: 100_000 });
  const findings = items.filter(({ kind }) => kind.endsWith('-cycle'));
  const solution = await boards.synthesizeSolution(id);
  expect(solution).toMatchObject({ reason: 'quiescent', unmet: [] });
  const head = await boards.board(id);
  const texts = new Map(
    await Promise.all(head.files.map(async ({ sha256 }) => [sha256, (await boards.file(id, sha256)) ?? ''] as const)),
  );
  return { components: componentsIn(items), findings, solution, texts };
}
