// Story
//
// What every picture of a trace is drawn from: who took part, what happened in order and what it
// ended, and what was broken for how long. It judges nothing; it only finds what belongs together.
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

/** What of a trace is told, however it is drawn. */
export interface StoryOptions {
  /** Whether a message would be sent if nobody asked for anything. @default by its label: renewals, beats, looks around */
  readonly isRoutine?: (label: string) => boolean;
}

const SERVICES = ['bus', 'locks', 'state', 'log'];
const WORLD = 'world';
const ROUTINE = /^(renew|ownership|list|sweep|listen|hints?|confirm|pending|subscribe|unsubscribe)\b|\bshard-pulse\b/;

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
      lane: laneOf.get(entry.node) ?? laneOf.get(firstWord(entry)),
      ...toldOf(entry, laneOf),
      ...(entry.kind === 'send' && { to: laneOf.get(entry.to) ?? 0 }),
      routine: begun?.routine ?? (entry.kind === 'send' && isRoutine(entry.label)),
      ...(since !== undefined && { since }),
    });
  }
  return { lanes, moments, spans: spansOf(entries, laneOf) };
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

function toldOf(entry: TraceEntry, laneOf: ReadonlyMap<string, number>): Pick<Moment, 'text' | 'detail' | 'tone'> {
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
      return { text: withoutName(entry.label, laneOf), tone: isEnd(entry.label) ? 'plain' : 'fault' };
    case 'note':
      return { text: withoutName(entry.label, laneOf), tone: 'plain' };
  }
}

/** Whom a remark about the world is about, where it begins with a name. */
function firstWord(entry: TraceEntry): string {
  return entry.kind === 'fault' || entry.kind === 'note' ? (entry.label.split(' ', 1)[0] ?? '') : '';
}

/** It stands in the lane of that name already. */
function withoutName(label: string, laneOf: ReadonlyMap<string, number>): string {
  const [name = '', ...rest] = label.split(' ');
  return laneOf.has(name) && rest.length > 0 ? rest.join(' ') : label;
}

function toneOf(outcome: string): Tone {
  if (/^unknown/.test(outcome)) return 'unknown';
  return /^failed/.test(outcome) ? 'failed' : 'ok';
}

/** What a line of the trace says began, or ended; in the words of the world. */
const BEGINNINGS: readonly (readonly [says: RegExp, label: (match: readonly string[]) => string])[] = [
  [/^(\S+) crashes$/, () => DOWN],
  [/^(\S+) stands still$/, () => 'stalled'],
  [/^(\S+) is cut off from (\S+), (\S+)$/, ([, , line, way]) => `cut: ${line} ${way}`],
  [/^(\S+) takes (\S+) ms longer$/, ([, , ms]) => `slow by ${ms} ms`],
];
const ENDS: readonly (readonly [says: RegExp, label: (match: readonly string[]) => string])[] = [
  [/^(\S+) starts again$/, () => DOWN],
  [/^(\S+) goes on$/, () => 'stalled'],
  [/^(\S+) is no longer cut off from (\S+), (\S+)$/, ([, , line, way]) => `cut: ${line} ${way}`],
  [/^(\S+) is as fast as before$/, () => 'slow'],
];
const DOWN = 'down';
const ALL_WELL = 'all faults end';

function spansOf(entries: readonly TraceEntry[], laneOf: ReadonlyMap<string, number>): Span[] {
  const spans: Span[] = [];
  const open: { readonly who: string; readonly fromMs: number; readonly label: string; readonly detail: string }[] = [];
  const close = (place: number, toMs: number | undefined): void => {
    for (const { who, fromMs, label, detail } of open.splice(place, 1))
      spans.push({ lane: laneOf.get(who), fromMs, toMs, kind: label === DOWN ? 'down' : 'fault', label, detail });
  };
  for (const entry of entries) {
    if (entry.kind !== 'fault' && entry.kind !== 'note') continue;
    const begun = readIn(BEGINNINGS, entry.label);
    if (begun !== undefined) open.push({ ...begun, fromMs: entry.atMs, detail: entry.label });
    const ended = readIn(ENDS, entry.label);
    const place = open.findIndex(({ who, label }) => who === ended?.who && label.startsWith(ended.label));
    if (place >= 0) close(place, entry.atMs);
  }
  while (open.length > 0) close(0, undefined);
  return spans;
}

/** What ends a fault is no fault. */
function isEnd(label: string): boolean {
  return label === ALL_WELL || readIn(ENDS, label) !== undefined;
}

function readIn(table: typeof BEGINNINGS, text: string): { readonly who: string; readonly label: string } | undefined {
  for (const [says, label] of table) {
    const match = says.exec(text);
    if (match !== null) return { who: match[1] ?? '', label: label(match) };
  }
  return undefined;
}
