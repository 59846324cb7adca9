// What a case file is checked by. Problems are gathered and named by their place, as in
// `faults[2].atMs is missing`, instead of ending at the first.
import type { Fault, Line } from './fault.ts';
import type { TraceEntry } from './trace.ts';

export class Reading {
  readonly problems: string[] = [];

  object<T>(value: unknown, place: string, check: (members: Members) => T): T | undefined {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return check(new Members(this, place, new Map(Object.entries(value))));
    this.problems.push(`${place} is not an object`);
    return undefined;
  }
}

/** The members of one object. What is wrong is noted, and read as something harmless. */
export class Members {
  readonly reading: Reading;
  readonly #place: string;
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(reading: Reading, place: string, values: ReadonlyMap<string, unknown>) {
    this.reading = reading;
    this.#place = place === 'the file' ? '' : `${place}.`;
    this.#values = values;
  }

  problem(name: string, says: string): void {
    this.reading.problems.push(`${this.#place}${name} ${says}`);
  }

  text(name: string): string {
    const value = this.#values.get(name);
    if (typeof value === 'string') return value;
    this.problem(name, value === undefined ? 'is missing' : 'is not a text');
    return '';
  }

  optionalText(name: string): string | undefined {
    return this.#values.get(name) === undefined ? undefined : this.text(name);
  }

  number(name: string): number {
    const value = this.#values.get(name);
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    this.problem(name, value === undefined ? 'is missing' : 'is not a number');
    return 0;
  }

  optionalNumber(name: string): number | undefined {
    return this.#values.get(name) === undefined ? undefined : this.number(name);
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.#values.get(name);
    const found = allowed.find((one) => one === value);
    if (found !== undefined) return found;
    this.problem(name, value === undefined ? 'is missing' : `is none of ${allowed.join(', ')}`);
    return allowed[0] as T;
  }

  /** A number, or this word. */
  numberOr<T extends string>(name: string, word: T): number | T {
    const value = this.#values.get(name);
    return value === word ? word : this.number(name);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  object<T>(name: string, check: (members: Members) => T): T | undefined {
    return this.reading.object(this.#values.get(name), `${this.#place}${name}`, check);
  }

  list<T>(name: string, item: (value: unknown, place: string) => T | undefined): readonly T[] {
    const value = this.#values.get(name);
    if (!Array.isArray(value)) {
      this.problem(name, value === undefined ? 'is missing' : 'is not a list');
      return [];
    }
    return value.flatMap((one: unknown, at) => {
      const read = item(one, `${this.#place}${name}[${at}]`);
      return read === undefined ? [] : [read];
    });
  }
}

const LINES: readonly Line[] = ['bus', 'state', 'log', 'locks'];
const STORES = ['state', 'log', 'locks'] as const;
const FAULTS = [
  'crash',
  'stall',
  'sleep',
  'clock',
  'drift',
  'cut',
  'message',
  'call',
  'slow',
  'failover',
] as const satisfies readonly Fault['kind'][];

export function checkFault(of: Members): Fault {
  const kind = of.oneOf('kind', FAULTS);
  const node = (): number => of.number('node');
  const atMs = (): number => of.number('atMs');
  const forMs = (): number => of.number('forMs');
  switch (kind) {
    case 'crash': {
      const at = of.object('at', (when) =>
        when.has('ms') ? { ms: when.number('ms') } : { crossing: when.number('crossing') },
      );
      return { kind, node: node(), at: at ?? { ms: 0 }, restartAfterMs: of.numberOr('restartAfterMs', 'never') };
    }
    case 'stall':
    case 'sleep':
      return { kind, node: node(), atMs: atMs(), forMs: forMs() };
    case 'clock':
      return { kind, node: of.numberOr('node', 'store'), atMs: atMs(), wallMs: of.number('wallMs') };
    case 'drift':
      return { kind, node: node(), ppm: of.number('ppm') };
    case 'cut': {
      const line = of.oneOf('line', [...LINES, 'all'] as const);
      return { kind, node: node(), line, way: of.oneOf('way', ['in', 'out', 'both']), atMs: atMs(), forMs: forMs() };
    }
    case 'message': {
      const byMs = of.optionalNumber('byMs');
      const what = of.oneOf('what', ['drop', 'duplicate', 'delay']);
      return { kind, node: node(), nth: of.number('nth'), what, ...(byMs !== undefined && { byMs }) };
    }
    case 'call': {
      const what = of.oneOf('what', ['lost-request', 'lost-reply', 'late', 'refused']);
      return { kind, node: node(), line: of.oneOf('line', STORES), nth: of.number('nth'), what };
    }
    case 'slow':
      return { kind, line: of.oneOf('line', STORES), atMs: atMs(), forMs: forMs(), byMs: of.number('byMs') };
    case 'failover':
      return { kind, line: of.oneOf('line', ['state', 'locks']), atMs: atMs(), losing: of.number('losing') };
  }
}

const EVENTS = [
  'call',
  'return',
  'send',
  'arrive',
  'lost',
  'fault',
  'note',
] as const satisfies readonly TraceEntry['kind'][];

export function checkTraceEntry(of: Members): TraceEntry {
  const kind = of.oneOf('kind', EVENTS);
  const when = { atMs: of.number('atMs'), node: of.text('node') };
  switch (kind) {
    case 'call':
      return { kind, id: of.number('id'), op: of.text('op'), key: of.text('key'), detail: of.text('detail'), ...when };
    case 'return':
      return { kind, id: of.number('id'), outcome: of.text('outcome'), ...when };
    case 'send':
      return { kind, id: of.number('id'), to: of.text('to'), label: of.text('label'), ...when };
    case 'arrive':
      return { kind, id: of.number('id'), from: of.text('from'), label: of.text('label'), ...when };
    case 'lost':
      return { kind, id: of.number('id'), why: of.text('why'), ...when };
    case 'fault':
    case 'note':
      return { kind, label: of.text('label'), ...when };
  }
}
