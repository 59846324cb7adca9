// What actor types cost the compiler: twenty of them beside their bare machines.
import ts from 'typescript';
import { expect, it } from 'vitest';

const here = new URL('.', import.meta.url).pathname;
const actors = 20;

/** A machine as people write one: events with payloads, guards, delays, a child, an invoke. */
const machineText = (n: number): string => `
const child${n} = setup({ types: {} as { context: { left: number }; input: { left: number }; output: number; events: { type: 'tick' } } })
  .createMachine({ context: ({ input }) => input, initial: 'on', output: ({ context }) => context.left,
    states: { on: { after: { 1000: 'off' }, on: { tick: { actions: assign({ left: ({ context }) => context.left - 1 }) } } }, off: { type: 'final' } } });
const machine${n} = setup({
  types: {} as {
    context: { owner: string; n${n}: number; names: readonly string[]; last: { at: number; by: string } | null };
    input: { owner: string };
    events: { type: 'rename'; name: string; by: string } | { type: 'add${n}'; by: number } | { type: 'total' } | { type: 'start' } | { type: 'close'; reason: 'done' | 'gone' };
    emitted: { type: 'renamed'; name: string };
    output: number;
  },
  actors: { child: child${n}, work: fromPromise<number, { n: number }>(async ({ input }) => input.n) },
  guards: { mine: ({ context, event }) => event.type === 'rename' && event.by === context.owner },
  delays: { soon: 5_000 },
}).createMachine({
  context: ({ input }) => ({ owner: input.owner, n${n}: 0, names: [], last: null }),
  initial: 'open',
  states: {
    open: {
      on: {
        rename: { guard: 'mine', actions: [assign({ names: ({ context, event }) => [...context.names, event.name] }), emit(({ event }) => ({ type: 'renamed', name: event.name }))] },
        add${n}: { actions: assign({ n${n}: ({ context, event }) => context.n${n} + event.by }) },
        start: 'busy',
        close: 'closed',
      },
      after: { soon: 'busy' },
    },
    busy: { invoke: [{ src: 'work', input: ({ context }) => ({ n: context.n${n} }), onDone: 'open', onError: 'open' }, { src: 'child', input: { left: 3 }, onError: 'open' }], on: { close: 'closed' } },
    closed: { type: 'final' },
  },
  output: ({ context }) => context.n${n},
});`;

const imports = `import { assign, emit, fromPromise, setup } from 'xstate';\n`;
const definitions = (n: number): string =>
  `export const Type${n} = defineActor('type${n}', { machine: machine${n}, input: (key) => ({ owner: key }), replies: { total: returns<{ total: number }>() } });\n`;
const uses = (n: number): string => `
export async function use${n}(runtime: Runtime): Promise<number> {
  const actor = runtime.actor(Type${n}, 'a');
  await actor.tell({ type: 'add${n}', by: 1 });
  const { total } = await actor.ask({ type: 'total' });
  actor.on('renamed', (event) => event.name.length);
  for await (const view of actor.watch()) if (view.value === 'closed') return view.context.n${n} + total;
  return (await actor.done()) + total;
}`;

const all = (text: (n: number) => string): string => Array.from({ length: actors }, (_, n) => text(n)).join('\n');

interface Cost {
  readonly instantiations: number;
  readonly types: number;
  readonly ms: number;
  readonly problems: readonly string[];
  readonly declarations: string;
}

function compiled(text: string): Cost {
  const file = `${here}types-cost.virtual.ts`;
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    declaration: true,
    emitDeclarationOnly: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    verbatimModuleSyntax: true,
    customConditions: ['@devmentor/source'],
    types: ['node'],
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => name === file || fileExists.call(host, name);
  host.readFile = (name) => (name === file ? text : readFile.call(host, name));
  host.getSourceFile = (name, target, ...more) =>
    name === file ? ts.createSourceFile(name, text, target) : getSourceFile.call(host, name, target, ...more);
  const startedMs = performance.now();
  const program = ts.createProgram([file], options, host);
  const source = program.getSourceFile(file);
  const problems = program
    .getSemanticDiagnostics(source)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  const ms = performance.now() - startedMs;
  let declarations = '';
  program.emit(source, (_name, emitted) => {
    declarations = emitted;
  });
  return { instantiations: program.getInstantiationCount(), types: program.getTypeCount(), ms, problems, declarations };
}

it('[TY7] twenty actor types and their uses cost the compiler less than their machines, and their declarations stay small', () => {
  const bare = compiled(`${imports}${all(machineText)}\nexport const machines = [${all((n) => `machine${n}.id,`)}];`);
  const full = compiled(
    `${imports}import { defineActor, returns, type Runtime } from '../src/index.ts';\n${all(machineText)}\n${all(definitions)}\n${all(uses)}`,
  );
  expect([bare.problems, full.problems]).toEqual([[], []]);
  const added = full.instantiations - bare.instantiations;
  const bytes = full.declarations.length / actors;
  console.log(
    `types of ${actors} actors: ${full.instantiations} instantiations (${bare.instantiations} of them the machines' own, ${Math.round(added / actors)} added by each actor type with its uses), ` +
      `${full.types} types, ${Math.round(full.ms)} ms (machines alone ${Math.round(bare.ms)} ms), ${Math.round(bytes)} bytes of declarations each`,
  );
  expect(added).toBeLessThan(bare.instantiations);
  expect(bytes).toBeLessThan(1_500);
  expect(full.declarations).not.toContain('any');
  expect(full.declarations).not.toContain('StateMachine<');
}, 120_000);
