import type { HistogramSnapshot } from './histogram.ts';

export type Labels = { readonly [name: string]: string };

/**
 * Writes metrics in the text form that Prometheus reads (version 0.0.4); times in seconds. The
 * lines of one metric stand together, so each is added with all of its values.
 *
 * @param prefix begins every name
 * @param labels set on every line, such as `{ namespace: 'app' }`
 */
export class MetricsText {
  readonly #prefix: string;
  readonly #labels: Labels;
  readonly #lines: string[] = [];

  constructor(prefix: string, labels: Labels = {}) {
    this.#prefix = prefix;
    this.#labels = labels;
  }

  /** What only rises; the name ends in `_total`. */
  counter(name: string, help: string, values: readonly (readonly [Labels, number])[]): void {
    this.#add('counter', name, help, values);
  }

  gauge(name: string, help: string, values: readonly (readonly [Labels, number])[]): void {
    this.#add('gauge', name, help, values);
  }

  /** Durations; `_seconds` is added to the name. */
  histogram(name: string, help: string, values: readonly (readonly [Labels, HistogramSnapshot])[]): void {
    const full = this.#head('histogram', `${name}_seconds`, help);
    for (const [labels, { buckets, sumMs, count }] of values) {
      for (const { leMs, count: below } of buckets)
        this.#line(`${full}_bucket`, { ...labels, le: numberText(leMs / 1_000) }, below);
      this.#line(`${full}_sum`, labels, sumMs / 1_000);
      this.#line(`${full}_count`, labels, count);
    }
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #add(type: string, name: string, help: string, values: readonly (readonly [Labels, number])[]): void {
    const full = this.#head(type, name, help);
    for (const [labels, value] of values) this.#line(full, labels, value);
  }

  #head(type: string, name: string, help: string): string {
    const full = `${this.#prefix}_${name}`;
    this.#lines.push(`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`);
    return full;
  }

  #line(name: string, own: Labels, value: number): void {
    const all = Object.entries({ ...this.#labels, ...own }).map(([label, text]) => `${label}="${escaped(text)}"`);
    this.#lines.push(`${name}${all.length === 0 ? '' : `{${all.join(',')}}`} ${numberText(value)}`);
  }
}

function numberText(value: number): string {
  return value === Number.POSITIVE_INFINITY ? '+Inf' : String(value);
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
