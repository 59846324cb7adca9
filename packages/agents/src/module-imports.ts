// What a module asks of others, as its text says it. Pure.
//
//   MI1  Static imports, re-exports, `import()` and `require()` of a literal, `import = require`,
//        and types written as `import('…')`.
//   MI2  An import is type-only when it says so for the whole statement or for every name in it;
//        it is gone when the program runs.
import { parseSync, Visitor } from 'oxc-parser';
import type { Span } from './entry.ts';

export type ImportForm = 'import' | 'export' | 'dynamic' | 'require' | 'type';

export interface ModuleImport {
  /** As written: `./lease.ts`, `zod`. */
  readonly specifier: string;
  readonly form: ImportForm;
  readonly typeOnly: boolean;
  /** How many names it takes; 1 where that cannot be told. */
  readonly names: number;
  readonly span: Span;
}

export interface ParsedModule {
  readonly imports: readonly ModuleImport[];
  /** Syntax errors; what could be read in spite of them is in `imports`. */
  readonly errors: readonly string[];
}

const PARSED = /\.(?:[cm]?[jt]s|[jt]sx)$/;

/** Whether a file is a module that can be parsed. */
export function isModule(path: string): boolean {
  return PARSED.test(path);
}

export function parseImports(path: string, text: string): ParsedModule {
  const { program, errors } = parseSync(path, text, { sourceType: 'unambiguous' });
  const imports: ModuleImport[] = [];
  const lines = new Lines(text);
  const add = (
    node: { readonly start: number; readonly end: number },
    specifier: string | undefined,
    form: ImportForm,
    typeOnly: boolean,
    names = 1,
  ): void => {
    if (specifier !== undefined)
      imports.push({ specifier, form, typeOnly, names: Math.max(1, names), span: lines.span(node.start, node.end) });
  };
  const visitor = new Visitor({
    ImportDeclaration: (node) => {
      const named = node.specifiers.filter(({ type }) => type === 'ImportSpecifier');
      const eachIsType =
        node.specifiers.length > 0 &&
        named.length === node.specifiers.length &&
        named.every((name) => 'importKind' in name && name.importKind === 'type');
      add(node, node.source.value, 'import', node.importKind === 'type' || eachIsType, node.specifiers.length);
    },
    ExportAllDeclaration: (node) => add(node, node.source.value, 'export', node.exportKind === 'type'),
    ExportNamedDeclaration: (node) => {
      const eachIsType = node.specifiers.length > 0 && node.specifiers.every(({ exportKind }) => exportKind === 'type');
      add(node, node.source?.value, 'export', node.exportKind === 'type' || eachIsType, node.specifiers.length);
    },
    ImportExpression: (node) => add(node, literal(node.source), 'dynamic', false),
    CallExpression: (node) => {
      const { callee, arguments: given } = node;
      if (callee.type === 'Identifier' && callee.name === 'require' && given.length >= 1)
        add(node, literal(given[0]), 'require', false);
    },
    TSImportEqualsDeclaration: (node) => {
      if (node.moduleReference.type === 'TSExternalModuleReference')
        add(node, node.moduleReference.expression.value, 'require', node.importKind === 'type');
    },
    TSImportType: (node) => add(node, literal(node.source), 'type', true),
  });
  visitor.visit(program);
  return {
    imports: imports.sort(
      (a, b) => a.span.startLine - b.span.startLine || (a.span.startColumn ?? 0) - (b.span.startColumn ?? 0),
    ),
    errors: errors.map(({ message }) => message),
  };
}

interface MaybeLiteral {
  readonly type: string;
  readonly value?: unknown;
  readonly quasis?: readonly { readonly value: { readonly cooked: string | null } }[];
}

/** The text of a string, or of a template without holes. */
function literal(node: MaybeLiteral | undefined): string | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TemplateLiteral' && node.quasis?.length === 1) return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

/** From offsets to lines and columns. */
class Lines {
  readonly #starts: readonly number[];

  constructor(text: string) {
    const starts = [0];
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.#starts = starts;
  }

  span(start: number, end: number): Span {
    const from = this.#place(start);
    const to = this.#place(Math.max(start, end - 1));
    return { startLine: from.line, startColumn: from.column, endLine: to.line, endColumn: to.column };
  }

  #place(offset: number): { readonly line: number; readonly column: number } {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}
