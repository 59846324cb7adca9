// Timeline in text
//
// A sequence diagram for a terminal: a column for each node, one thing on a line, time downwards.
// Services have no column; what goes to them and comes back stands at the node.
//
//   It is no wider and no longer than it was asked to be. What is left out is counted, and goes in
//   this order: what keeps the cluster alive, messages that arrived, then what is far from a fault,
//   a loss, an unknown outcome or the end.
import { shortened, toColumns, wrapped } from './columns.ts';
import { isNews, newsOf } from './news.ts';
import { type Moment, type Story, type StoryOptions, storyOf } from './story.ts';
import type { TraceEntry } from './trace.ts';

/** How large the picture may be. */
export interface TimelineOptions extends StoryOptions {
  /** Columns, at least 40. @default 100 */
  readonly width?: number;
  /** Things shown; a long one may take more than one line. @default 150 */
  readonly most?: number;
  /** Colours of a terminal. @default false */
  readonly color?: boolean;
}

const TIME_WIDE = 11;
const NARROWEST_LANE = 16;
const QUIET_MS = 1_000;
const LINES_OF_ONE = 3;
/** Fewer than these are left out without a word; all are counted at the end. */
const FEW = 5;
const COLORS = { fault: 35, lost: 31, unknown: 33, faint: 90 } as const;

/** The trace as text, for people. */
export function timeline(entries: readonly TraceEntry[], options: TimelineOptions = {}): string {
  const story = storyOf(entries, options);
  const width = Math.max(40, options.width ?? 100);
  const shown = newsOf(story, Math.max(10, options.most ?? 150));
  const sheet = new Sheet(story, width, options.color ?? false);
  let lastMs: number | undefined;
  let last = -1;
  for (const at of shown) {
    const moment = story.moments[at];
    if (moment === undefined) continue;
    const left = story.moments.slice(last + 1, at).filter((_, place) => isNews(story, last + 1 + place)).length;
    const quietMs = lastMs === undefined ? 0 : moment.atMs - lastMs;
    if (left >= FEW || quietMs >= QUIET_MS) sheet.gap(quietMs, left);
    sheet.tell(at, moment);
    [last, lastMs] = [at, moment.atMs];
  }
  const left = story.moments.slice(last + 1).filter((_, place) => isNews(story, last + 1 + place)).length;
  if (left >= FEW) sheet.gap(0, left);
  return `${sheet.lines.join('\n')}\n${countsOf(story, shown.length)}\n`;
}

/** The lines as they come to be, and who is busy or down in them. */
class Sheet {
  readonly lines: string[] = [];
  readonly #story: Story;
  readonly #width: number;
  readonly #color: boolean;
  readonly #nodes: readonly string[];
  readonly #laneWide: number;
  readonly #open = new Map<number, Set<number>>();

  constructor(story: Story, width: number, color: boolean) {
    this.#story = story;
    this.#width = width;
    this.#color = color;
    this.#nodes = story.lanes.filter(({ kind }) => kind === 'node').map(({ name }) => name);
    this.#laneWide = Math.floor((width - TIME_WIDE) / Math.max(1, this.#nodes.length));
    const names = this.#isList ? 'node' : this.#nodes.map((name) => toColumns(name, this.#laneWide)).join('');
    this.lines.push(shortened(`${'ms'.padStart(TIME_WIDE - 2)}  ${names}`.trimEnd(), width));
  }

  /** Too many nodes for columns: each line says whose it is. */
  get #isList(): boolean {
    return this.#nodes.length === 0 || this.#laneWide < NARROWEST_LANE;
  }

  gap(quietMs: number, left: number): void {
    const passed =
      quietMs >= QUIET_MS ? [`${(quietMs / 1_000).toLocaleString('en', { maximumFractionDigits: 1 })} s`] : [];
    const said = [...passed, ...(left > 0 ? [`${left} not shown`] : [])].join(', ');
    this.#line('', `┊ ${said}`, 'faint');
  }

  tell(at: number, moment: Moment): void {
    const lane = moment.lane ?? -1;
    const isNode = this.#story.lanes[lane]?.kind === 'node';
    const open = this.#open.get(lane) ?? new Set<number>();
    this.#open.set(lane, open);
    if (moment.kind === 'call') open.add(at);
    if (moment.kind === 'return' && moment.since !== undefined) open.delete(moment.since);
    const tone =
      moment.tone === 'fault' || moment.tone === 'lost' || moment.tone === 'unknown' ? moment.tone : undefined;
    const time = timeOf(moment.atMs);
    const text = this.#said(moment, isNode);
    if (this.#isList) {
      for (const [place, line] of wrapped(text, this.#width - TIME_WIDE - 6, LINES_OF_ONE).entries())
        this.#line(place === 0 ? time : '', `${toColumns(place === 0 ? this.#nameOf(lane) : '', 6)}${line}`, tone);
      return;
    }
    if (!isNode) {
      for (const [place, line] of wrapped(text, this.#width - TIME_WIDE - 3, LINES_OF_ONE).entries())
        this.#line(place === 0 ? time : '', place === 0 ? `── ${line}` : `   ${line}`, tone);
      return;
    }
    for (const [place, line] of wrapped(text, this.#laneWide - 2, LINES_OF_ONE).entries()) {
      const cells = this.#nodes.map((_, node) => {
        if (node !== lane) return toColumns(this.#rest(node, moment.atMs), this.#laneWide);
        return this.#painted(
          toColumns(place === 0 ? line : `${this.#rest(node, moment.atMs)} ${line}`, this.#laneWide),
          tone,
        );
      });
      this.#line(place === 0 ? time : '', cells.join(''));
    }
  }

  #said(moment: Moment, isInLane: boolean): string {
    const since = moment.since === undefined ? undefined : this.#story.moments[moment.since];
    const number = moment.kind === 'call' || moment.kind === 'return' ? `#${moment.id} ` : '';
    switch (moment.kind) {
      case 'call':
        return `┌ ${number}${moment.text}${moment.detail === undefined ? '' : ` ${moment.detail}`}`;
      case 'return':
        return `└ ${number}${moment.tone === 'unknown' && !moment.text.startsWith('unknown') ? 'unknown: ' : ''}${moment.text}`;
      case 'send':
        return `├→ ${this.#nameOf(moment.to ?? -1)}: ${moment.text}`;
      case 'arrive':
        return `├← ${moment.text}`;
      case 'lost': {
        const way = since === undefined ? '' : `${this.#nameOf(since.lane ?? -1)}→${this.#nameOf(since.to ?? -1)} `;
        return `× lost ${way}${since?.text ?? ''} (${moment.text})`;
      }
      case 'fault':
        return `${moment.tone === 'fault' ? '█' : '·'} ${this.#ofService(moment, isInLane)}${moment.text}`;
      case 'note':
        return `· ${this.#ofService(moment, isInLane)}${moment.text}`;
    }
  }

  /** A service has no column that would say whose the remark is. */
  #ofService({ lane }: Moment, isInLane: boolean): string {
    return lane === undefined || isInLane || this.#isList ? '' : `${this.#nameOf(lane)} `;
  }

  /** What a column shows beside somebody else's line. */
  #rest(lane: number, atMs: number): string {
    const isDown = this.#story.spans.some(
      (span) => span.lane === lane && span.kind === 'down' && span.fromMs <= atMs && atMs < (span.toMs ?? Infinity),
    );
    if (isDown) return ' ';
    return (this.#open.get(lane)?.size ?? 0) > 0 ? '┃' : '│';
  }

  #nameOf(lane: number): string {
    return this.#story.lanes[lane]?.name ?? 'world';
  }

  #line(time: string, text: string, tone?: keyof typeof COLORS): void {
    const start = time.padStart(TIME_WIDE - 2);
    this.lines.push(`${start}  ${this.#painted(text, tone)}`.trimEnd());
  }

  #painted(text: string, tone: keyof typeof COLORS | undefined): string {
    return this.#color && tone !== undefined ? `\u001B[${COLORS[tone]}m${text}\u001B[0m` : text;
  }
}

function timeOf(ms: number): string {
  return Number.isInteger(ms) ? ms.toLocaleString('en') : ms.toLocaleString('en', { maximumFractionDigits: 1 });
}

function countsOf({ moments }: Story, shown: number): string {
  const count = (wanted: (moment: Moment) => boolean): number => moments.filter(wanted).length;
  const unknown = count(({ kind, tone }) => kind === 'return' && tone === 'unknown');
  const routine = count(({ kind, routine }) => kind === 'send' && routine);
  const parts = [
    `${many(
      count(({ kind }) => kind === 'call'),
      'operation',
    )}, ${unknown} of unknown outcome`,
    many(
      count(({ tone }) => tone === 'fault'),
      'fault',
    ),
    `${many(
      count(({ kind }) => kind === 'send'),
      'message',
    )}, ${count(({ kind }) => kind === 'lost')} lost, ${routine} routine`,
    `${shown} of ${many(moments.length, 'entry', 'entries')} shown`,
  ];
  return parts.join('; ');
}

function many(count: number, one: string, more = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : more}`;
}
