// Story
//
// What every picture of a trace is drawn from: who took part, what happened in order and what it
// ended, and what was broken for how long. It judges nothing; it only finds what belongs together.
import type { Fault } from './fault.ts';
import type { TraceEntry } from './trace.ts';

/** Who something happened to: a node of the world, or a service that the nodes share. */
export interface Lane {
  readonly name: string;
  readonly kind: 'node' | 'service';
}

/** How something went, for the eye. */
export type Tone = 'plain' | 'ok' | 'failed' | 'unknown' | 'lost' | 'fault';

export interface Moment {
  readonly atMs: number;
  readonly kind: TraceEntry['kind'];
  /** Of operations and of messages, as the trace numbers them. */
  readonly id?: number;
  /** By index; undefined for what is said of the whole world. */
  readonly lane: number | undefined;
  /** Of a message: the lane it goes to. */
  readonly to?: number;
  readonly text: string;
  readonly detail?: string;
  readonly tone: Tone;
  /** It keeps the cluster alive, and would happen if nobody asked for anything. */
  readonly routine: boolean;
  /** The moment that this one ends: the call of a return, the sending of what arrived or was lost. */
  readonly since?: number;
}

/** A fault that lasts, or a node that is down. */
export interface Span {
  /** By index; undefined for what befell everybody. */
  readonly lane: number | undefined;
  readonly fromMs: number;
  /** Undefined when it never ended. */
  readonly toMs: number | undefined;
  readonly kind: 'down' | 'fault';
  readonly label: string;
  /** The whole of it, where the label is short. */
  readonly detail?: string;
}

/** A trace, told by lanes. */
export interface Story {
  readonly lanes: readonly Lane[];
  readonly moments: readonly Moment[];
  readonly spans: readonly Span[];
}

export interface StoryOptions {
  /** The plan, for what lasted how long: a trace says when a thing broke, not until when. */
  readonly faults?: readonly Fault[];
  /** Whether a message would be sent if nobody asked for anything. @default by its label: renewals, beats, looks around */
  readonly isRoutine?: (label: string) => boolean;
}

const SERVICES = ['bus', 'locks', 'state', 'log'];
const WORLD = 'world';
const ROUTINE = /^(renew|ownership|list|sweep|listen|hints?|confirm|pending|subscribe|unsubscribe)\b|\bshard-pulse\b/;
const CRASH = /^crash/;
const RESTART = /^(restart|start)/;

/** Puts a trace in lanes. */
export function storyOf(entries: readonly TraceEntry[], options: StoryOptions = {}): Story {
  const lanes = lanesOf(entries);
  const laneOf = new Map(lanes.map(({ name }, lane) => [name, lane]));
  const isRoutine = options.isRoutine ?? ((label) => ROUTINE.test(label));
  const calls = new Map<number, number>();
  const sends = new Map<number, number>();
  const moments: Moment[] = [];
  for (const [at, entry] of entries.entries()) {
    const since =
      entry.kind === 'return'
        ? calls.get(entry.id)
        : entry.kind === 'arrive' || entry.kind === 'lost'
          ? sends.get(entry.id)
          : undefined;
    if (entry.kind === 'call') calls.set(entry.id, at);
    if (entry.kind === 'send') sends.set(entry.id, at);
    const begun = since === undefined ? undefined : moments[since];
    moments.push({
      atMs: entry.atMs,
      kind: entry.kind,
      ...('id' in entry && { id: entry.id }),
      lane: laneOf.get(entry.node),
      ...toldOf(entry),
      ...(entry.kind === 'send' && { to: laneOf.get(entry.to) ?? 0 }),
      routine: begun?.routine ?? (entry.kind === 'send' && isRoutine(entry.label)),
      ...(since !== undefined && { since }),
    });
  }
  return { lanes, moments, spans: spansOf(entries, laneOf, options.faults ?? []) };
}

/** Nodes by number, then the services that anything went to. */
function lanesOf(entries: readonly TraceEntry[]): Lane[] {
  const names = new Set<string>();
  for (const entry of entries) {
    if (entry.node !== WORLD) names.add(entry.node);
    if (entry.kind === 'send') names.add(entry.to);
  }
  const nodes = [...names].filter((name) => !SERVICES.includes(name));
  nodes.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return [
    ...nodes.map((name): Lane => ({ name, kind: 'node' })),
    ...SERVICES.filter((name) => names.has(name)).map((name): Lane => ({ name, kind: 'service' })),
  ];
}

function toldOf(entry: TraceEntry): Pick<Moment, 'text' | 'detail' | 'tone'> {
  switch (entry.kind) {
    case 'call':
      return {
        text: `${entry.op} ${entry.key}`,
        ...(entry.detail !== '' && { detail: entry.detail }),
        tone: 'plain',
      };
    case 'return':
      return { text: entry.outcome, tone: toneOf(entry.outcome) };
    case 'send':
      return { text: entry.label, tone: 'plain' };
    case 'arrive':
      return { text: entry.label, detail: `from ${entry.from}`, tone: 'plain' };
    case 'lost':
      return { text: entry.why, tone: 'lost' };
    case 'fault':
      return { text: entry.label, tone: 'fault' };
    case 'note':
      return { text: entry.label, tone: 'plain' };
  }
}

function toneOf(outcome: string): Tone {
  if (/^unknown/.test(outcome)) return 'unknown';
  return /^failed/.test(outcome) ? 'failed' : 'ok';
}

function spansOf(
  entries: readonly TraceEntry[],
  laneOf: ReadonlyMap<string, number>,
  faults: readonly Fault[],
): Span[] {
  const endMs = entries.at(-1)?.atMs ?? 0;
  const lasting = faults.flatMap((fault): Span[] => {
    if (!('forMs' in fault) || fault.atMs > endMs) return [];
    const lane = laneOf.get('node' in fault ? nodeName(fault.node) : fault.line);
    const toMs = fault.atMs + fault.forMs;
    return [{ lane, fromMs: fault.atMs, toMs, kind: 'fault', label: spanLabel(fault), detail: faultLabel(fault) }];
  });
  return [...lasting, ...downs(entries, laneOf)];
}

function spanLabel(fault: Extract<Fault, { readonly forMs: number }>): string {
  switch (fault.kind) {
    case 'stall':
      return 'stalled';
    case 'sleep':
      return 'asleep';
    case 'slow':
      return `slow by ${fault.byMs} ms`;
    case 'cut':
      return `cut: ${fault.line} ${fault.way}`;
  }
}

/** From each crash to the start after it. */
function downs(entries: readonly TraceEntry[], laneOf: ReadonlyMap<string, number>): Span[] {
  const spans: Span[] = [];
  const down = new Map<string, number>();
  for (const entry of entries) {
    if (entry.kind !== 'fault' && entry.kind !== 'note') continue;
    if (CRASH.test(entry.label) && !down.has(entry.node)) down.set(entry.node, entry.atMs);
    const fromMs = down.get(entry.node);
    if (fromMs === undefined || !RESTART.test(entry.label)) continue;
    down.delete(entry.node);
    spans.push({ lane: laneOf.get(entry.node), fromMs, toMs: entry.atMs, kind: 'down', label: 'down' });
  }
  for (const [node, fromMs] of down)
    spans.push({ lane: laneOf.get(node), fromMs, toMs: undefined, kind: 'down', label: 'down' });
  return spans;
}

/** The name by which traces call a node. */
export function nodeName(node: number): string {
  return `n${node + 1}`;
}

/** A fault in one line, for people. */
export function faultLabel(fault: Fault): string {
  switch (fault.kind) {
    case 'crash': {
      const when = 'ms' in fault.at ? `at ${fault.at.ms} ms` : `at its crossing ${fault.at.crossing}`;
      const then = fault.restartAfterMs === 'never' ? 'for good' : `back after ${fault.restartAfterMs} ms`;
      return `${nodeName(fault.node)} crashes ${when}, ${then}`;
    }
    case 'stall':
      return `${nodeName(fault.node)} is stalled ${during(fault)}`;
    case 'sleep':
      return `the machine of ${nodeName(fault.node)} sleeps ${during(fault)}`;
    case 'clock': {
      const whose = fault.node === 'store' ? "the store's clock" : `the wall clock of ${nodeName(fault.node)}`;
      return `${whose} jumps by ${fault.wallMs} ms at ${fault.atMs} ms`;
    }
    case 'drift':
      return `the clocks of ${nodeName(fault.node)} drift by ${fault.ppm} ppm`;
    case 'cut': {
      const way = fault.way === 'both' ? 'both ways' : fault.way === 'in' ? 'towards it' : 'from it';
      const line = fault.line === 'all' ? 'every line' : `the line to ${fault.line}`;
      return `${line} of ${nodeName(fault.node)} is cut ${way} ${during(fault)}`;
    }
    case 'message': {
      const done = { drop: 'dropped', duplicate: 'doubled', delay: `delayed by ${fault.byMs ?? 0} ms` }[fault.what];
      return `message ${fault.nth} of ${nodeName(fault.node)} is ${done}`;
    }
    case 'call': {
      const done = {
        'lost-request': 'never gets there',
        'lost-reply': 'takes effect, and its reply is lost',
        late: 'takes effect after it was given up on',
        refused: 'is refused',
      }[fault.what];
      return `call ${fault.nth} of ${nodeName(fault.node)} to ${fault.line} ${done}`;
    }
    case 'slow':
      return `${fault.line} answers ${fault.byMs} ms later ${during(fault)}`;
    case 'failover':
      return `${fault.line} fails over at ${fault.atMs} ms and loses ${fault.losing} acknowledged writes`;
  }
}

function during({ atMs, forMs }: { readonly atMs: number; readonly forMs: number }): string {
  return `from ${atMs} to ${atMs + forMs} ms`;
}
