// The components of a module graph by another tool, for comparison.
import { cruise, type ICruiseResult } from 'dependency-cruiser';

export interface Components {
  /** With every import. */
  readonly all: readonly (readonly string[])[];
  /** Without imports of types alone. */
  readonly runtime: readonly (readonly string[])[];
}

/**
 * dependency-cruiser reads the files and resolves the imports; its edges are then put together by
 * reachability, file by file, which is slow and plain.
 */
export async function cruisedComponents(
  baseDir: string,
  folders: readonly string[],
  conditions: readonly string[] = [],
): Promise<Components> {
  const { output } = await cruise([...folders], {
    baseDir,
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: [...conditions, 'import', 'types', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.d.ts'],
    },
  });
  if (typeof output === 'string') throw new Error('dependency-cruiser answers with its result');
  const edges = edgesOf(output);
  return { all: mutuallyReachable(edges), runtime: mutuallyReachable(edges.filter(({ typeOnly }) => !typeOnly)) };
}

/** Its own verdict: the files that it marks as part of a cycle. */
export async function cruisedCircular(baseDir: string, folders: readonly string[]): Promise<readonly string[]> {
  const { output } = await cruise([...folders], {
    baseDir,
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    ruleSet: { forbidden: [{ name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } }] },
    validate: true,
  });
  if (typeof output === 'string') throw new Error('dependency-cruiser answers with its result');
  return output.modules
    .filter(({ dependencies }) => dependencies.some(({ circular }) => circular))
    .map(({ source }) => source)
    .sort();
}

interface PlainEdge {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function edgesOf({ modules }: ICruiseResult): PlainEdge[] {
  return modules.flatMap(({ source, dependencies }) =>
    dependencies.map(({ resolved, dependencyTypes }) => ({
      from: source,
      to: resolved,
      typeOnly: dependencyTypes.some((type) => type === 'type-only' || type === 'type-import'),
    })),
  );
}

export function mutuallyReachable(edges: readonly Pick<PlainEdge, 'from' | 'to'>[]): string[][] {
  const reached = new Map<string, Set<string>>();
  for (const { from } of edges) {
    if (reached.has(from)) continue;
    const found = new Set<string>();
    const front = [from];
    for (let at = front.pop(); at !== undefined; at = front.pop()) {
      for (const { from: source, to } of edges) {
        if (source !== at || found.has(to)) continue;
        found.add(to);
        front.push(to);
      }
    }
    reached.set(from, found);
  }
  const components = new Map<string, string[]>();
  for (const [file, found] of reached) {
    if (!found.has(file)) continue;
    const members = [...found].filter((other) => reached.get(other)?.has(file) === true).sort();
    components.set(members.join('\n'), members);
  }
  return [...components.values()].sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
}
