import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { componentsOf, cutOf, type Edge, type ModuleGraph, moduleGraph, runtimeGraph } from '../src/module-graph.ts';
import { parseImports } from '../src/module-imports.ts';
import { resolveAmong } from '../src/module-resolution.ts';
import { mutuallyReachable } from './cycles.oracle.ts';

const nodes = ['a', 'b', 'c', 'd', 'e', 'f'];
const edgesAmong = (files: readonly string[], least: number, most: number) =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom(...files), fc.constantFrom(...files), fc.integer({ min: 1, max: 3 })), {
      minLength: least,
      maxLength: most,
      selector: ([from, to]) => `${from} ${to}`,
      size: 'max',
    })
    .map((pairs) => pairs.map(([from, to, names]): Edge => ({ from, to, names, typeOnly: false, imports: [] })));

describe('a module graph', () => {
  it('[MG2] its components are the sets of files that reach each other', () => {
    const files = Array.from({ length: 30 }, (_, n) => `f${n}`);
    fc.assert(
      fc.property(edgesAmong(files, 0, 60), (edges) => {
        expect(componentsOf({ files: [...files].sort(), edges })).toEqual(mutuallyReachable(edges));
      }),
    );
  });

  it('[MG2] is followed to any depth', () => {
    const files = Array.from({ length: 50_000 }, (_, n) => `f${n}`);
    const edges = files.map(
      (from, n): Edge => ({ from, to: files[(n + 1) % files.length] ?? '', names: 1, typeOnly: false, imports: [] }),
    );
    expect(componentsOf({ files, edges })[0]).toHaveLength(50_000);
  });

  it('[MG3] its cut leaves no cycle, and no smaller or lighter one does', () => {
    let tangled = 0;
    fc.assert(
      fc.property(edgesAmong(nodes, 7, 10), (edges) => {
        for (const members of componentsOf({ files: nodes, edges })) {
          const graph: ModuleGraph = { files: nodes, edges };
          const cut = cutOf(members, graph);
          expect(cut.exact).toBe(true);
          expect(cutOf(members, { files: nodes, edges: edges.toReversed() })).toEqual(cut);
          const within = edges.filter(({ from, to }) => members.includes(from) && members.includes(to));
          expect(weight(cut.edges)).toBe(Math.min(...cutsOf(within).map(weight)));
          tangled += cut.edges.length > 1 ? 1 : 0;
        }
      }),
      { numRuns: 60 },
    );
    expect(tangled).toBeGreaterThan(3);
  });

  it('[MG1] an edge is type-only when every import behind it is', () => {
    const modules = new Map([
      ['a.ts', parseImports('a.ts', "import type { A } from './b.ts';\nimport { b } from './b';")],
      ['b.ts', parseImports('b.ts', "import type { A } from './a.ts';\nexport type { B } from './a.js';")],
    ]);
    const graph = moduleGraph(modules, resolveAmong(new Set(modules.keys())));
    expect(graph.edges.map(({ from, to, typeOnly, names }) => [from, to, typeOnly, names])).toEqual([
      ['a.ts', 'b.ts', false, 2],
      ['b.ts', 'a.ts', true, 2],
    ]);
    expect(runtimeGraph(graph).edges.map(({ from, names }) => [from, names])).toEqual([['a.ts', 1]]);
  });
});

describe('the imports of a module', () => {
  it.each([
    ["import { a } from 'x';", 'import', false],
    ["import 'x';", 'import', false],
    ["import a, { type B } from 'x';", 'import', false],
    ["import type { A } from 'x';", 'import', true],
    ["import { type A, type B } from 'x';", 'import', true],
    ["export * from 'x';", 'export', false],
    ["export {} from 'x';", 'export', false],
    ["export type * from 'x';", 'export', true],
    ["export { type A } from 'x';", 'export', true],
    ["const x = () => import('x');", 'dynamic', false],
    ['const x = () => import(`x`);', 'dynamic', false],
    ["const x = require('x');", 'require', false],
    ["import x = require('x');", 'require', false],
    ["type X = import('x').Y;", 'type', true],
    ["type X = typeof import('x');", 'type', true],
  ])('[MI1][MI2] %s', (text, form, typeOnly) => {
    expect(parseImports('a.ts', text).imports).toMatchObject([
      { specifier: 'x', form, typeOnly, span: { startLine: 1 } },
    ]);
  });

  it.each(['import(name);', 'require(name);', 'const require = 1;', "// import 'x';", '\'import "x"\';'])(
    '[MI1] %s is none',
    (text) => {
      expect(parseImports('a.ts', text)).toEqual({ imports: [], errors: [] });
    },
  );
});

function weight(edges: readonly Edge[]): number {
  return edges.length * 1_000 + edges.reduce((sum, { names }) => sum + names, 0);
}

/** Every set of edges without which there is no cycle. */
function cutsOf(edges: readonly Edge[]): Edge[][] {
  const sets = Array.from({ length: 2 ** edges.length }, (_, bits) => edges.filter((_, i) => (bits >> i) & 1));
  return sets.filter((cut) => mutuallyReachable(edges.filter((edge) => !cut.includes(edge))).length === 0);
}
