// The trace as a Mermaid sequence diagram, for an issue or a document. What Mermaid would take for
// syntax is written as its entities, so labels show as they are.
import { shortened } from './columns.ts';
import { newsOf } from './news.ts';
import { type Moment, type Story, type StoryOptions, storyOf } from './story.ts';
import type { TraceEntry } from './trace.ts';

/** What stands above the diagram, and how much is in it. */
export interface MermaidOptions extends StoryOptions {
  /** @default none */
  readonly title?: string;
  /** Things shown; Mermaid itself refuses texts beyond 50,000 characters. @default 120 */
  readonly most?: number;
}

const MOST = 300;
const LONGEST_LABEL = 90;
const QUIET_MS = 1_000;
/** Words that would begin a statement. */
const RESERVED =
  /^(activate|actor|alt|and|as|autonumber|box|break|create|critical|deactivate|destroy|else|end|link|links|loop|note|opt|option|over|par|participant|properties|rect|sequencediagram|title)$/i;

/** The trace as the source of a Mermaid diagram. */
export function timelineMermaid(entries: readonly TraceEntry[], options: MermaidOptions = {}): string {
  const story = storyOf(entries, options);
  const shown = newsOf(story, Math.min(MOST, Math.max(10, options.most ?? 120)));
  const lines = ['sequenceDiagram'];
  if (options.title !== undefined) lines.push(`title: ${label(options.title)}`);
  const lanes = story.lanes.length === 0 ? [{ name: 'world' }] : story.lanes;
  for (const [lane, { name }] of lanes.entries()) lines.push(`participant ${idOf(name, lane)} as ${label(name)}`);
  const ids = lanes.map(({ name }, lane) => idOf(name, lane));
  const everybody = ids.length < 2 ? `${ids[0]}` : `${ids[0]},${ids.at(-1)}`;
  let lastMs: number | undefined;
  for (const at of shown) {
    const moment = story.moments[at];
    if (moment === undefined) continue;
    if (lastMs !== undefined && moment.atMs - lastMs >= QUIET_MS)
      lines.push(`Note over ${everybody}: ${((moment.atMs - lastMs) / 1_000).toFixed(1)} s`);
    lines.push(...statements(story, moment, { ids, everybody }));
    lastMs = moment.atMs;
  }
  return `${lines.map((line, at) => (at === 0 ? line : `  ${line}`)).join('\n')}\n`;
}

interface Names {
  readonly ids: readonly string[];
  readonly everybody: string;
}

function statements(story: Story, moment: Moment, { ids, everybody }: Names): readonly string[] {
  const own = moment.lane === undefined ? everybody : (ids[moment.lane] ?? everybody);
  const time = `${Math.round(moment.atMs * 10) / 10} ms`;
  const since = moment.since === undefined ? undefined : story.moments[moment.since];
  const nameOf = (lane: number | undefined): string => (lane === undefined ? own : (ids[lane] ?? own));
  switch (moment.kind) {
    case 'call':
      return [`Note over ${own}: ${label(`${time} #${moment.id} ${moment.text} ${moment.detail ?? ''}`)}`];
    case 'return':
      return [`Note over ${own}: ${label(`${time} #${moment.id} → ${moment.text}`)}`];
    case 'send':
      return moment.lane === undefined ? [] : [`${own}->>${nameOf(moment.to)}: ${label(moment.text)}`];
    case 'arrive':
      return moment.lane === undefined || since === undefined
        ? []
        : [`${nameOf(since.lane)}->>${own}: ${label(moment.text)}`];
    case 'lost':
      return since === undefined || since.lane === undefined
        ? [`Note over ${own}: ${label(`${time} lost: ${moment.text}`)}`]
        : [`${nameOf(since.lane)}--x${nameOf(since.to)}: ${label(`${since.text} (lost: ${moment.text})`)}`];
    case 'fault':
      if (moment.tone !== 'fault') return [`Note over ${own}: ${label(`${time} ${moment.text}`)}`];
      return ['rect rgba(220, 60, 60, 0.2)', `  Note over ${own}: ${label(`${time} ${moment.text}`)}`, 'end'];
    case 'note':
      return [`Note over ${own}: ${label(`${time} ${moment.text}`)}`];
  }
}

/** By its name where Mermaid takes it for one. */
function idOf(name: string, lane: number): string {
  return /^[a-z]\w{0,30}$/i.test(name) && !RESERVED.test(name) && !/^lane\d+$/.test(name) ? name : `lane${lane}`;
}

function label(text: string): string {
  const clean = shortened(text, LONGEST_LABEL).trim();
  if (clean === '') return '-';
  // What ends a text, begins a comment, an entity or markup; a colon only counts in `wrap:`.
  const escaped = clean.replace(/[#;%<>&$\\]/g, (character) => `#${character.charCodeAt(0)};`);
  return /^(no)?wrap:/i.test(escaped) ? escaped.replace(':', '#58;') : escaped;
}
