// Draws the part of a layout that is in sight, as SVG. The text of this class goes into the page, so
// it uses nothing that is not handed to it. Labels become text nodes and never markup.
import type { Layout, PageData } from './timeline.html.data.ts';

/** What is in sight, and what is chosen. */
export interface Sight {
  readonly top: number;
  readonly height: number;
  readonly chosen: number | undefined;
}

export class Picture {
  readonly #svg: SVGSVGElement;
  readonly #data: PageData;

  constructor(svg: SVGSVGElement, data: PageData) {
    this.#svg = svg;
    this.#data = data;
  }

  draw(layout: Layout, sight: Sight): void {
    const overscan = 200;
    const top = Math.max(0, sight.top - overscan);
    const height = Math.min(layout.height, sight.top + sight.height + overscan) - top;
    this.#svg.setAttribute('width', String(layout.width));
    this.#svg.setAttribute('height', String(height));
    this.#svg.setAttribute('viewBox', `0 ${top} ${layout.width} ${height}`);
    this.#svg.style.top = `${top}px`;
    this.#svg.replaceChildren(...this.#parts(layout, { top, height, chosen: sight.chosen }));
  }

  #parts(layout: Layout, sight: Sight): SVGElement[] {
    const bottom = sight.top + sight.height;
    const inSight = (from: number, to: number): boolean => to >= sight.top && from <= bottom;
    const parts: SVGElement[] = [];
    for (const { span, top, bottom: end } of layout.spans) {
      if (inSight(top, end)) parts.push(...this.#span(layout, span, { top, bottom: end, sight }));
    }
    const chosenY = sight.chosen === undefined ? undefined : layout.y[sight.chosen];
    if (chosenY !== undefined)
      parts.push(this.#make('rect', { class: 'band', x: 0, y: chosenY - 14, width: layout.width, height: 22 }));
    for (const x of layout.laneX) {
      if (x !== undefined) parts.push(this.#make('line', { class: 'lane', x1: x, x2: x, y1: sight.top, y2: bottom }));
    }
    for (const { y, ms } of layout.quiet) {
      if (inSight(y, y))
        parts.push(this.#text(72, y, { class: 'quiet', 'text-anchor': 'end' }, `⋮ ${this.#duration(ms)}`));
    }
    const reach = new Set<number>();
    for (const at of layout.shown) {
      const since = this.#data.moments[at]?.since;
      const from = layout.y[since ?? at] ?? layout.y[at] ?? 0;
      if (since !== undefined && layout.y[since] !== undefined && inSight(from, layout.y[at] ?? 0)) reach.add(since);
      if (inSight(from, layout.y[at] ?? 0)) reach.add(at);
      // What was never answered stands to the end.
      const kind = this.#data.moments[at]?.kind;
      if (kind === 'call' && layout.endedBy[at] === undefined && inSight(from, layout.height)) reach.add(at);
    }
    const ordered = [...reach].sort((a, b) => a - b);
    for (const at of ordered) parts.push(...this.#bar(layout, at));
    const words: SVGElement[] = [];
    let lastMs: number | undefined;
    for (const at of ordered) {
      const moment = this.#data.moments[at];
      if (moment === undefined) continue;
      const drawn = this.#moment(layout, at, { chosen: sight.chosen === at, timed: moment.atMs !== lastMs });
      parts.push(drawn);
      words.push(this.#words(drawn));
      lastMs = moment.atMs;
    }
    return [...parts, ...words];
  }

  #span(
    layout: Layout,
    span: PageData['spans'][number],
    { top, bottom, sight }: { readonly top: number; readonly bottom: number; readonly sight: Sight },
  ): SVGElement[] {
    const x = span.lane === undefined ? undefined : layout.laneX[span.lane];
    if (span.lane !== undefined && x === undefined) return [];
    const half = Math.min(layout.laneGap / 2 - 3, 70);
    const box = x === undefined ? { x: 78, width: layout.width - 82 } : { x: x - half, width: half * 2 };
    const labelled = Math.max(top, sight.top + 200) + 13;
    const rect = this.#make('rect', { class: `span ${span.kind}`, ...box, y: top, height: bottom - top, rx: 4 });
    if (labelled > bottom + 4) return [rect];
    const label = this.#clipped(span.label, box.width - 8);
    return [rect, this.#text(box.x + 5, labelled, { class: 'span-label' }, label)];
  }

  /** From a call to its answer. */
  #bar(layout: Layout, at: number): SVGElement[] {
    const moment = this.#data.moments[at];
    const y = layout.y[at];
    if (moment?.kind !== 'call' || moment.lane === undefined || y === undefined) return [];
    const x = (layout.laneX[moment.lane] ?? 0) - 4 + 6 * Math.min(4, layout.slot[at] ?? 0);
    const end = layout.endedBy[at];
    const bottom = end === undefined ? layout.height - 12 : (layout.y[end] ?? y);
    const tone = end === undefined ? 'unknown' : (this.#data.moments[end]?.tone ?? 'plain');
    return [this.#make('rect', { class: `bar ${tone}`, x, y, width: 8, height: Math.max(4, bottom - y), rx: 3 })];
  }

  #moment(layout: Layout, at: number, how: { readonly chosen: boolean; readonly timed: boolean }): SVGElement {
    const moment = this.#data.moments[at];
    const y = layout.y[at] ?? 0;
    const group = this.#make('g', {
      id: `m${at}`,
      'data-at': at,
      role: 'option',
      'aria-selected': how.chosen,
      class: `moment is-${moment?.kind} ${moment?.tone}${moment?.routine === true ? ' routine' : ''}${how.chosen ? ' chosen' : ''}`,
    });
    if (moment === undefined) return group;
    group.setAttribute(
      'aria-label',
      `${this.#clock(moment.atMs)} ms, ${this.#laneName(moment.lane)}, ${moment.kind}: ${moment.text}`,
    );
    group.append(
      this.#make('rect', {
        class: 'row',
        x: 0,
        y: y - 14,
        width: layout.width,
        height: moment.kind === 'arrive' ? 16 : 22,
      }),
    );
    if (how.timed)
      group.append(this.#text(72, y + 4, { class: 'time', 'text-anchor': 'end' }, this.#clock(moment.atMs)));
    if (moment.kind === 'send') group.append(...this.#arrow(layout, at));
    else if (moment.kind === 'fault' || moment.kind === 'note') group.append(...this.#mark(layout, at));
    else if (moment.kind !== 'arrive') group.append(...this.#said(layout, at));
    return group;
  }

  /** What is written stands above every line, whichever was drawn later. */
  #words(drawn: SVGElement): SVGElement {
    const words = this.#make('g', { class: `${drawn.getAttribute('class')} words`, 'aria-hidden': true });
    words.append(...[...drawn.children].filter(({ tagName }) => tagName === 'text'));
    return words;
  }

  #said(layout: Layout, at: number): SVGElement[] {
    const moment = this.#data.moments[at];
    if (moment?.lane === undefined) return [];
    const y = layout.y[at] ?? 0;
    const x = layout.laneX[moment.lane] ?? 0;
    const since = moment.since;
    if (moment.kind === 'lost' && since !== undefined)
      return this.#beside(layout, { x: this.#tip(layout, since), right: 12, y: y + 4, text: `lost: ${moment.text}` });
    const slot = Math.min(4, layout.outermost[at] ?? 0);
    return this.#beside(layout, { x, right: 10 + slot * 6, y: y + 4, text: moment.text });
  }

  #mark(layout: Layout, at: number): SVGElement[] {
    const moment = this.#data.moments[at];
    if (moment === undefined) return [];
    const y = layout.y[at] ?? 0;
    const x = moment.lane === undefined ? undefined : layout.laneX[moment.lane];
    if (x === undefined) {
      const across = this.#make('line', { class: 'across', x1: 80, x2: layout.width - 8, y1: y, y2: y });
      return [across, this.#text(88, y - 4, { class: 'label' }, this.#clipped(moment.text, layout.width - 100))];
    }
    const dot =
      moment.tone === 'fault'
        ? this.#make('path', { class: 'bolt', d: `M${x} ${y - 8} l8 14 h-16 z` })
        : this.#make('circle', { class: 'dot', cx: x, cy: y, r: 3.5 });
    return [
      dot,
      ...this.#beside(layout, {
        x,
        right: 13 + 6 * Math.min(4, layout.outermost[at] ?? 0),
        y: y + 4,
        text: moment.text,
      }),
    ];
  }

  /** To the right of its lane, or to the left where there is more room. */
  #beside(
    layout: Layout,
    at: { readonly x: number; readonly right: number; readonly y: number; readonly text: string },
  ): SVGElement[] {
    const roomRight = layout.width - at.x - at.right - 6;
    const roomLeft = at.x - 90;
    const fits = at.text.length * 6.6 <= roomRight || roomRight >= roomLeft;
    return fits
      ? [this.#text(at.x + at.right, at.y, { class: 'label' }, this.#clipped(at.text, roomRight))]
      : [this.#text(at.x - 12, at.y, { class: 'label', 'text-anchor': 'end' }, this.#clipped(at.text, roomLeft))];
  }

  #arrow(layout: Layout, at: number): SVGElement[] {
    const moment = this.#data.moments[at];
    if (moment?.lane === undefined) return [];
    const end = layout.endedBy[at];
    const y = layout.y[at] ?? 0;
    const from = layout.laneX[moment.lane] ?? 0;
    const to = moment.to === undefined ? from + layout.laneGap / 2 : (layout.laneX[moment.to] ?? from);
    const ended = end === undefined ? undefined : this.#data.moments[end];
    const lost = ended?.kind === 'lost';
    const under = end === undefined ? y : (layout.y[end] ?? y);
    const tone = lost ? 'lost' : ended === undefined ? 'unknown' : 'plain';
    const way = to === from ? 1 : Math.sign(to - from);
    const tip = lost ? this.#tip(layout, at) : to;
    const parts: SVGElement[] =
      to === from
        ? [
            this.#make('path', {
              class: `arrow ${tone}`,
              d: `M${from} ${y} h26 v${Math.max(6, under - y)} h-22`,
              fill: 'none',
            }),
          ]
        : [this.#make('line', { class: `arrow ${tone}`, x1: from, y1: y, x2: tip, y2: under })];
    if (lost) parts.push(this.#make('path', { class: 'cross', d: `M${tip - 5} ${under - 5} l10 10 m0 -10 l-10 10` }));
    else if (ended !== undefined) {
      const headY = to === from ? y + Math.max(6, under - y) : under;
      const head = to === from ? from + 4 : tip;
      const back = to === from ? 1 : -way;
      parts.push(this.#make('path', { class: 'head', d: `M${head} ${headY} l${back * 8} -4 v8 z` }));
    }
    const room = way > 0 ? layout.width - from - 14 : from - 90;
    const anchor = way > 0 ? 'start' : 'end';
    parts.push(
      this.#text(
        from + way * 8,
        y - 4,
        { class: 'label small', 'text-anchor': anchor },
        this.#clipped(moment.text, room),
      ),
    );
    return parts;
  }

  /** Where a message that is lost got to, as far as the eye is concerned. */
  #tip(layout: Layout, at: number): number {
    const { lane = 0, to = 0 } = this.#data.moments[at] ?? {};
    const from = layout.laneX[lane] ?? 0;
    return from + ((layout.laneX[to] ?? from) - from) * 0.6;
  }

  #laneName(lane: number | undefined): string {
    return lane === undefined ? 'world' : (this.#data.lanes[lane]?.name ?? '');
  }

  #clipped(text: string, room: number): string {
    const most = Math.max(3, Math.floor(room / 6.4));
    return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
  }

  #clock(ms: number): string {
    return Number.isInteger(ms) ? ms.toLocaleString('en') : ms.toLocaleString('en', { maximumFractionDigits: 3 });
  }

  #duration(ms: number): string {
    return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toLocaleString('en', { maximumFractionDigits: 1 })} s`;
  }

  #text(x: number, y: number, attributes: Readonly<Record<string, string | number>>, text: string): SVGElement {
    const element = this.#make('text', { x, y, ...attributes });
    element.textContent = text;
    return element;
  }

  #make(name: string, attributes: Readonly<Record<string, string | number | boolean>>): SVGElement {
    const element = this.#svg.ownerDocument.createElementNS('http://www.w3.org/2000/svg', name) as SVGElement;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    return element;
  }
}
