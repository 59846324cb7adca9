// What a module asks of others, as its text says it. Pure.
//
//   MI1  Static imports, re-exports, `import()` and `require()` of a literal, `import = require`,
//        and types written as `import('…')`.
//   MI2  An import is type-only when it says so for the whole statement or for every name in it;
//        it is gone when the program runs.
import { type ImportDeclaration, type Node, parseSync, visitorKeys } from 'oxc-parser';
import type { Span } from './evidence.ts';

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
  const lines = new Lines(text);
  const imports: ModuleImport[] = [];
  for (const node of nodesOf(program)) {
    const said = importOf(node);
    if (said !== undefined) imports.push({ ...said, span: lines.span(node.start, node.end) });
  }
  return { imports, errors: errors.map(({ message }) => message) };
}

/** Every node, as the text has them. */
function* nodesOf(root: Node): Generator<Node> {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (Array.isArray(node)) waiting.push(...node.toReversed());
    else if (isNode(node)) {
      yield node;
      const parts: Readonly<Record<string, unknown>> = { ...node };
      waiting.push(...(visitorKeys[node.type] ?? []).map((key) => parts[key]).reverse());
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

function importOf(node: Node): Omit<ModuleImport, 'span'> | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return said(
        node.source.value,
        'import',
        node.importKind === 'type' || everyNameIsType(node),
        node.specifiers.length,
      );
    case 'ExportAllDeclaration':
      return said(node.source.value, 'export', node.exportKind === 'type');
    case 'ExportNamedDeclaration': {
      const each = node.specifiers.length > 0 && node.specifiers.every(({ exportKind }) => exportKind === 'type');
      return said(node.source?.value, 'export', node.exportKind === 'type' || each, node.specifiers.length);
    }
    case 'ImportExpression':
      return said(literal(node.source), 'dynamic', false);
    case 'CallExpression': {
      const { callee } = node;
      if (callee.type !== 'Identifier' || callee.name !== 'require') return undefined;
      return said(literal(node.arguments[0]), 'require', false);
    }
    case 'TSImportEqualsDeclaration':
      if (node.moduleReference.type !== 'TSExternalModuleReference') return undefined;
      return said(node.moduleReference.expression.value, 'require', node.importKind === 'type');
    case 'TSImportType':
      return said(literal(node.source), 'type', true);
    default:
      return undefined;
  }
}

function said(
  specifier: string | undefined,
  form: ImportForm,
  typeOnly: boolean,
  names = 1,
): Omit<ModuleImport, 'span'> | undefined {
  return specifier === undefined ? undefined : { specifier, form, typeOnly, names: Math.max(1, names) };
}

function everyNameIsType({ specifiers }: ImportDeclaration): boolean {
  return (
    specifiers.length > 0 &&
    specifiers.every((specifier) => specifier.type === 'ImportSpecifier' && specifier.importKind === 'type')
  );
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
