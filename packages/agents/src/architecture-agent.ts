// Architecture agent: which modules import each other in circles, and where to cut.
//
// Two knowledge sources. `architecture-imports` reads one file at a time, wherever there is a
// worker; `architecture-cycles` waits until every module of the board was read, and finds the
// components, once with every import and once with those that are left when the program runs.
import type { Json } from '@devmentor/runtime';
import type { Board } from './board.ts';
import type { Contribution } from './entry.ts';
import type { Evidence } from './evidence.ts';
import type { Knowledge } from './knowledge.ts';
import { defineKnowledgeSource, type IKnowledgeSource, type RunContext, type Specialist } from './knowledge-source.ts';
import {
  componentsOf,
  cutOf,
  type Edge,
  type ModuleGraph,
  moduleGraph,
  runtimeGraph,
  shortestCycle,
} from './module-graph.ts';
import { isModule, type ModuleImport, parseImports } from './module-imports.ts';
import { type FolderResolution, resolveAmong, resolveInFolder } from './module-resolution.ts';

export interface ArchitectureOptions {
  /**
   * Also resolves what no relative path says, packages and their `exports`, by looking into this
   * folder; every process that runs the agent must see the same there. Default: relative only.
   */
  readonly resolve?: FolderResolution;
}

/** Whether types alone hold the cycle together, or it is there when the program runs. */
export type CycleScope = 'runtime' | 'types';

const IMPORTS = 'architecture-imports';
const MOST_SHOWN = 20;

export class ArchitectureAgent implements Specialist {
  readonly name = 'architecture';
  readonly sources: readonly IKnowledgeSource[];

  constructor(options: ArchitectureOptions = {}) {
    this.sources = [importsSource, cyclesSource(options)];
  }
}

const importsSource = defineKnowledgeSource({
  name: IMPORTS,
  version: 1,
  trigger: { on: 'entry', level: 'source', kind: 'file', each: 'entry' },
  precondition: ({ subject }) => isModule(subject.file ?? ''),
  rate: () => 700,
  run: readImports,
});

async function readImports({ inputs, file }: RunContext): Promise<readonly Knowledge[]> {
  const said = inputs.map(async ({ id, subject, evidence: [place] }): Promise<readonly Knowledge[]> => {
    if (place === undefined || subject.file === undefined) return [];
    const { imports, errors } = parseImports(place.file, await file(place.sha256));
    const fact = { imports: imports.map(importJson), errors: errors.slice(0, MOST_SHOWN) };
    const about = { subject: { file: subject.file }, links: [id], evidence: [place] };
    const facts: Knowledge = { level: 'fact', kind: 'imports', value: fact, ...about };
    if (errors.length === 0) return [facts];
    return [
      facts,
      { level: 'finding', kind: 'syntax', value: { text: `${subject.file} cannot be parsed: ${errors[0]}` }, ...about },
    ];
  });
  return (await Promise.all(said)).flat();
}

function cyclesSource({ resolve }: ArchitectureOptions): IKnowledgeSource {
  return defineKnowledgeSource({
    name: 'architecture-cycles',
    version: 1,
    trigger: { on: 'entry', level: 'fact', kind: 'imports', each: 'board' },
    precondition: ({ board, inputs }) => everyModuleWasRead(board, inputs),
    rate: () => 650,
    run: ({ inputs }) => {
      const modules = new Map(inputs.map(({ subject, value }) => [subject.file ?? '', { imports: importsIn(value) }]));
      const files = new Set(modules.keys());
      const graph = moduleGraph(modules, resolve === undefined ? resolveAmong(files) : resolveInFolder(files, resolve));
      return findings(graph, new Map(inputs.map((input) => [input.subject.file ?? '', input])));
    },
    limits: { timeoutMs: 60_000, concurrency: 1 },
  });
}

function everyModuleWasRead(board: Board, facts: readonly Contribution[]): boolean {
  const read = new Set(facts.flatMap(({ supports }) => supports.map(({ id, version }) => `${id}@${version}`)));
  for (const { contribution } of board.standing()) {
    const { level, kind, subject, id, version } = contribution;
    if (
      level === 'source' &&
      kind === 'file' &&
      isModule(subject.file ?? '') &&
      !read.has(`${id}@${version}`) &&
      mayYetBeRead(board, id)
    )
      return false;
  }
  return true;
}

/** A file whose reading is dead holds nobody up: the Solution says that it is missing. */
function mayYetBeRead(board: Board, file: string): boolean {
  for (const { activation, place } of board.activations()) {
    if (
      place === 'dead' &&
      activation.source.startsWith(`${IMPORTS}@`) &&
      activation.inputs[0]?.id === file &&
      board.isCurrent(activation.inputs[0])
    )
      return false;
  }
  return true;
}

/** One finding per component; the ones that remain at run time first and by themselves. */
function findings(graph: ModuleGraph, facts: ReadonlyMap<string, Contribution>): readonly Knowledge[] {
  const atRuntime = runtimeGraph(graph);
  const runtime = componentsOf(atRuntime).map((members) => cycle('runtime', members, atRuntime, facts));
  const known = new Set(componentsOf(atRuntime).map((members) => members.join('\n')));
  const withTypes = componentsOf(graph)
    .filter((members) => !known.has(members.join('\n')))
    .map((members) => cycle('types', members, graph, facts));
  const summary: Knowledge = {
    level: 'fact',
    kind: 'module-graph',
    value: {
      files: graph.files.length,
      edges: graph.edges.length,
      typeOnlyEdges: graph.edges.length - atRuntime.edges.length,
      cycles: { runtime: runtime.length, types: withTypes.length },
    },
    links: graph.files.flatMap((file) => linkTo(facts.get(file))),
  };
  return [summary, ...runtime, ...withTypes];
}

function cycle(
  scope: CycleScope,
  members: readonly string[],
  graph: ModuleGraph,
  facts: ReadonlyMap<string, Contribution>,
): Knowledge {
  const cut = cutOf(members, graph);
  const inside = new Set(members);
  const shortest = shortestCycle(graph.edges.filter(({ from, to }) => inside.has(from) && inside.has(to))) ?? [];
  const places = [...cut.edges, ...shortest].flatMap((edge) => evidenceOf(edge, facts));
  return {
    level: 'finding',
    kind: scope === 'runtime' ? 'import-cycle' : 'type-cycle',
    subject: { file: members[0] ?? '', symbol: scope },
    confidence: 1,
    value: {
      text: sentence(scope, members, cut.edges, cut.exact),
      scope,
      members,
      cut: cut.edges.map(edgeJson),
      exact: cut.exact,
      example: shortest.map(edgeJson),
    },
    links: members.flatMap((member) => linkTo(facts.get(member))),
    evidence: [...new Map(places.map((place) => [JSON.stringify(place), place])).values()],
  };
}

function sentence(scope: CycleScope, members: readonly string[], cut: readonly Edge[], exact: boolean): string {
  const shown =
    members.slice(0, MOST_SHOWN).join(', ') +
    (members.length > MOST_SHOWN ? ` and ${members.length - MOST_SHOWN} more` : '');
  const when = scope === 'runtime' ? 'import each other in a circle' : 'are in one circle when imports of types count';
  const where = cut
    .slice(0, MOST_SHOWN)
    .map(({ from, to, imports: [first] }) => `${from}:${first?.span.startLine ?? 1} -> ${to}`);
  const how = exact
    ? 'no smaller cut breaks every circle'
    : 'found by taking the lightest import out of the shortest circle, again and again';
  return `${members.length} ${members.length === 1 ? 'file' : 'files'} ${when}: ${shown}. Cut ${where.join('; ')} (${how}).`;
}

function evidenceOf({ from, imports }: Edge, facts: ReadonlyMap<string, Contribution>): readonly Evidence[] {
  const place = facts.get(from)?.evidence[0];
  return place === undefined
    ? []
    : imports.slice(0, MOST_SHOWN).map(({ span }) => ({ file: place.file, sha256: place.sha256, span }));
}

function linkTo(fact: Contribution | undefined): readonly string[] {
  return fact === undefined ? [] : [`${fact.id}@${fact.version}`];
}

function edgeJson({ from, to, typeOnly, names, imports: [first] }: Edge): Json {
  return { from, to, typeOnly, names, line: first?.span.startLine ?? 1 };
}

function importJson({ span, ...said }: ModuleImport): Json {
  return { ...said, span: { ...span } };
}

function importsIn(value: Json): readonly ModuleImport[] {
  const { imports } = value as { readonly imports?: readonly ModuleImport[] };
  return imports ?? [];
}
