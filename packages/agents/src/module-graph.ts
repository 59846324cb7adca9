// Module graph: files, what each imports, and the knots in it. Pure.
//
//   MG1  An edge is type-only when every import behind it is.
//   MG2  A component is a largest set of files each of which reaches each other (Tarjan); a file
//        alone is one only when it imports itself.
//   MG3  The cut of a component is a smallest set of edges without which it has no cycle, where
//        `exact`; of equal ones the one that takes the fewest names, then the first by name.
import type { ModuleImport, ParsedModule } from './module-imports.ts';
import type { Resolve } from './module-resolution.ts';

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
  /** How many names it takes, over all its imports. */
  readonly names: number;
  readonly imports: readonly ModuleImport[];
}

export interface ModuleGraph {
  readonly files: readonly string[];
  readonly edges: readonly Edge[];
}

export function moduleGraph(
  modules: ReadonlyMap<string, Pick<ParsedModule, 'imports'>>,
  resolve: Resolve,
): ModuleGraph {
  const files = [...modules.keys()].sort();
  const edges = files.flatMap((from) => {
    const byTarget = new Map<string, ModuleImport[]>();
    for (const one of modules.get(from)?.imports ?? []) {
      const to = resolve(from, one.specifier);
      if (to !== undefined && modules.has(to)) byTarget.set(to, [...(byTarget.get(to) ?? []), one]);
    }
    return [...byTarget].sort(([a], [b]) => (a < b ? -1 : 1)).map(([to, imports]): Edge => edgeOf(from, to, imports));
  });
  return { files, edges };
}

function edgeOf(from: string, to: string, imports: readonly ModuleImport[]): Edge {
  return {
    from,
    to,
    typeOnly: imports.every(({ typeOnly }) => typeOnly),
    names: imports.reduce((sum, { names }) => sum + names, 0),
    imports,
  };
}

/** The graph as it is when the program runs. */
export function runtimeGraph({ files, edges }: ModuleGraph): ModuleGraph {
  return {
    files,
    edges: edges
      .filter(({ typeOnly }) => !typeOnly)
      .map(({ from, to, imports }) =>
        edgeOf(
          from,
          to,
          imports.filter(({ typeOnly }) => !typeOnly),
        ),
      ),
  };
}

/** Strongly connected components with a cycle: members by name, components by their first. */
export function componentsOf({ files, edges }: ModuleGraph): readonly (readonly string[])[] {
  const targets = new Map<string, string[]>(files.map((file) => [file, []]));
  const selfish = new Set<string>();
  for (const { from, to } of edges) {
    targets.get(from)?.push(to);
    if (from === to) selfish.add(from);
  }
  return tarjan(files, targets)
    .filter((members) => members.length > 1 || selfish.has(members[0] ?? ''))
    .map((members) => members.sort())
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
}

/** Without recursion: a chain of imports may be longer than the stack. */
function tarjan(files: readonly string[], targets: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const waiting: string[] = [];
  const isWaiting = new Set<string>();
  const components: string[][] = [];
  const enter = (file: string): { file: string; next: number } => {
    index.set(file, index.size);
    low.set(file, index.size - 1);
    waiting.push(file);
    isWaiting.add(file);
    return { file, next: 0 };
  };
  const lower = (file: string, to: number): void => void low.set(file, Math.min(low.get(file) ?? to, to));
  for (const start of files) {
    if (index.has(start)) continue;
    const path = [enter(start)];
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const target = targets.get(at.file)?.[at.next];
      at.next += 1;
      if (target !== undefined) {
        if (!index.has(target)) path.push(enter(target));
        else if (isWaiting.has(target)) lower(at.file, index.get(target) ?? 0);
        continue;
      }
      path.pop();
      const above = path.at(-1);
      if (above !== undefined) lower(above.file, low.get(at.file) ?? 0);
      if (low.get(at.file) !== index.get(at.file)) continue;
      const members = waiting.splice(waiting.indexOf(at.file));
      for (const member of members) isWaiting.delete(member);
      components.push(members);
    }
  }
  return components;
}

type BySource = ReadonlyMap<string, readonly Edge[]>;

function sourcesOf(edges: readonly Edge[]): BySource {
  const bySource = new Map<string, Edge[]>();
  for (const edge of edges) {
    const from = bySource.get(edge.from);
    if (from === undefined) bySource.set(edge.from, [edge]);
    else from.push(edge);
  }
  return bySource;
}

/** A shortest cycle among these edges, the first by name; undefined when there is none. */
export function shortestCycle(edges: readonly Edge[]): readonly Edge[] | undefined {
  const bySource = sourcesOf(edges);
  let best: readonly Edge[] | undefined;
  for (const start of [...bySource.keys()].sort()) {
    const cycle = cycleFrom(start, bySource, best?.length ?? Number.POSITIVE_INFINITY);
    if (cycle !== undefined) best = cycle;
    if (best !== undefined && best.length <= 1) break;
  }
  return best;
}

/** A cycle through `start` that is shorter than `limit`, breadth first. */
function cycleFrom(start: string, bySource: BySource, limit: number): readonly Edge[] | undefined {
  const cameBy = new Map<string, Edge>();
  let front = [start];
  for (let length = 1; front.length > 0 && length < limit; length += 1) {
    const next: string[] = [];
    for (const file of front) {
      for (const edge of bySource.get(file) ?? []) {
        if (edge.to === start) {
          const cycle = [edge];
          for (let at = file; at !== start; ) {
            const before = cameBy.get(at);
            if (before === undefined) break;
            cycle.unshift(before);
            at = before.from;
          }
          return cycle;
        }
        if (!cameBy.has(edge.to)) {
          cameBy.set(edge.to, edge);
          next.push(edge.to);
        }
      }
    }
    front = next;
  }
  return undefined;
}

export interface Cut {
  readonly edges: readonly Edge[];
  /** Proven smallest; else found by a rule of thumb, since the component is too tangled to try everything. */
  readonly exact: boolean;
}

/**
 * Bounds the search for the smallest cut, in edges looked at: about a tenth of a second, since
 * whatever else this process does waits for it.
 */
const MOST_WORK = 1_000_000;

/** The edges to take out so that no cycle is left among the members. */
export function cutOf(members: readonly string[], { edges }: ModuleGraph): Cut {
  const inside = new Set(members);
  const within = edges.filter(({ from, to }) => inside.has(from) && inside.has(to));
  const search = { work: 0 };
  for (let size = 1; size <= within.length && search.work < MOST_WORK; size += 1) {
    const found = smallest(within, size, search);
    if (search.work >= MOST_WORK) break;
    if (found !== undefined) return { edges: found.edges, exact: true };
  }
  return { edges: greedy(within), exact: false };
}

interface Found {
  readonly edges: readonly Edge[];
  readonly names: number;
  readonly text: string;
}

/** The best cut of at most this many edges: one edge of every cycle must go, so try each of a shortest one. */
function smallest(edges: readonly Edge[], size: number, search: { work: number }): Found | undefined {
  // A shortest cycle is looked for from every file.
  search.work += edges.length * new Set(edges.map(({ from }) => from)).size;
  const cycle = shortestCycle(edges);
  if (cycle === undefined) return foundOf([]);
  if (size === 0 || search.work >= MOST_WORK) return undefined;
  let best: Found | undefined;
  for (const edge of cycle) {
    const rest = smallest(
      edges.filter((other) => other !== edge),
      size - 1,
      search,
    );
    if (rest === undefined) continue;
    const found = foundOf([edge, ...rest.edges]);
    if (best === undefined || isBetter(found, best)) best = found;
  }
  return best;
}

function foundOf(edges: readonly Edge[]): Found {
  const sorted = [...edges].sort((a, b) => (nameOfEdge(a) < nameOfEdge(b) ? -1 : 1));
  return {
    edges: sorted,
    names: sorted.reduce((sum, { names }) => sum + names, 0),
    text: sorted.map(nameOfEdge).join('\n'),
  };
}

function isBetter(a: Found, b: Found): boolean {
  if (a.edges.length !== b.edges.length) return a.edges.length < b.edges.length;
  return a.names === b.names ? a.text < b.text : a.names < b.names;
}

/**
 * Takes the lightest edge out of a shortest cycle through each file, until none goes through it:
 * then none ever will again, so each file is left once.
 */
function greedy(edges: readonly Edge[]): readonly Edge[] {
  const cut: Edge[] = [];
  let rest = edges;
  for (const file of [...sourcesOf(edges).keys()].sort()) {
    const cycleThrough = (): readonly Edge[] | undefined => cycleFrom(file, sourcesOf(rest), Number.POSITIVE_INFINITY);
    for (let cycle = cycleThrough(); cycle !== undefined; cycle = cycleThrough()) {
      const [lightest] = [...cycle].sort((a, b) => a.names - b.names || (nameOfEdge(a) < nameOfEdge(b) ? -1 : 1));
      if (lightest === undefined) break;
      cut.push(lightest);
      rest = rest.filter((edge) => edge !== lightest);
    }
  }
  return foundOf(cut).edges;
}

function nameOfEdge({ from, to }: Edge): string {
  return `${from} -> ${to}`;
}
