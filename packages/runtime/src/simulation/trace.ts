// Trace
//
// Everything that was seen in a world, in its order: what clients asked and were told, what crossed
// a line, what broke. Two runs of one case have the same trace to the byte, so its digest tells them apart.

/** What happened. `id` pairs a call with its return, and a send with its arrival or loss. */
export type TraceEvent =
  /** A client's operation. */
  | { readonly kind: 'call'; readonly id: number; readonly op: string; readonly key: string; readonly detail: string }
  /** What the client was told of it. */
  | { readonly kind: 'return'; readonly id: number; readonly outcome: string }
  /** Something leaves for a service or, from a service, for a node. */
  | { readonly kind: 'send'; readonly id: number; readonly to: string; readonly label: string }
  | { readonly kind: 'arrive'; readonly id: number; readonly from: string; readonly label: string }
  | { readonly kind: 'lost'; readonly id: number; readonly why: string }
  | { readonly kind: 'fault'; readonly label: string }
  | { readonly kind: 'note'; readonly label: string };

/** One event: when, in milliseconds since the scenario began, and at whom: a node, a service (`bus`, `state`, `log`, `locks`), or the `world`. */
export type TraceEntry = TraceEvent & { readonly atMs: number; readonly node: string };

/** Keeps the entries; text and digest are made when somebody asks. */
export class Trace {
  readonly #entries: TraceEntry[] = [];
  /** Nothing is written before the scenario begins. */
  isOn = false;

  get entries(): readonly TraceEntry[] {
    return this.#entries;
  }

  add(entry: TraceEntry): void {
    if (this.isOn) this.#entries.push(entry);
  }

  /** One line for each entry. */
  text(): string {
    return traceText(this.#entries);
  }

  /** Tells traces apart: FNV-1a, 64 bits in hex, over the lines of `text`. */
  digest(): string {
    return traceDigest(this.#entries);
  }
}

/** A trace as its canonical lines, one for each entry: equal texts are equal runs. */
export function traceText(entries: readonly TraceEntry[]): string {
  return entries.map((entry) => `${traceLine(entry)}\n`).join('');
}

/** The canonical line of an entry; times to the microsecond. */
export function traceLine(entry: TraceEntry): string {
  return `${entry.atMs.toFixed(3).padStart(10)} ${entry.node} ${said(entry)}`;
}

function said(event: TraceEvent): string {
  switch (event.kind) {
    case 'call':
      return `call #${event.id} ${event.op} ${event.key}${event.detail === '' ? '' : ` ${event.detail}`}`;
    case 'return':
      return `return #${event.id} ${event.outcome}`;
    case 'send':
      return `send ~${event.id} to ${event.to}: ${event.label}`;
    case 'arrive':
      return `arrive ~${event.id} from ${event.from}: ${event.label}`;
    case 'lost':
      return `lost ~${event.id}: ${event.why}`;
    case 'fault':
      return `fault ${event.label}`;
    case 'note':
      return `note ${event.label}`;
  }
}

/** FNV-1a over the lines, each code unit as two bytes; two 32-bit halves with different bases, since 32 bits meet too soon. */
export function traceDigest(entries: readonly TraceEntry[]): string {
  let low = 0x811c9dc5;
  let high = 0x2d358dcc;
  for (const entry of entries) {
    const line = traceLine(entry);
    for (let i = 0; i <= line.length; i++) {
      const unit = i === line.length ? 10 : line.charCodeAt(i);
      low = Math.imul(low ^ (unit & 0xff), 0x01000193);
      low = Math.imul(low ^ (unit >>> 8), 0x01000193);
      high = Math.imul(high ^ (unit >>> 8), 0x01000193);
      high = Math.imul(high ^ (unit & 0xff), 0x01000193);
    }
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
