// What the page does: filters, choosing, keys, details. The text of this class goes into the page, so
// it uses nothing that is not handed to it. Everything of the trace is set as text, never as markup.
import type { Layout, PageData, Topic, View } from './timeline.html.data.ts';
import type { Sight } from './timeline.html.picture.ts';

/** What is drawn with, and by whom. */
export interface PageTools {
  readonly window: Window;
  readonly data: PageData;
  readonly layOut: (data: PageData, view: View) => Layout;
  readonly picture: { draw(layout: Layout, sight: Sight): void };
}

export class Page {
  readonly #tools: PageTools;
  readonly #document: Document;
  readonly #stage: HTMLElement;
  readonly #overview: HTMLCanvasElement;
  #view: View = { hiddenLanes: new Set(), hiddenKinds: new Set(['heartbeats']), search: '', width: 800 };
  #layout: Layout;
  #chosen: number | undefined;
  #awaitsDraw = false;

  constructor(tools: PageTools) {
    this.#tools = tools;
    this.#document = tools.window.document;
    this.#stage = this.#element('.stage');
    this.#overview = this.#element('.overview') as HTMLCanvasElement;
    this.#layout = tools.layOut(tools.data, this.#view);
  }

  start(): void {
    this.#chips();
    this.#listen();
    this.#relay();
    const first = this.#next(1, (at) => this.#isRemarkable(at), -1) ?? this.#layout.shown[0];
    if (first !== undefined) this.#choose(first);
    this.#stage.focus({ preventScroll: true });
  }

  #listen(): void {
    const { window } = this.#tools;
    this.#stage.addEventListener('scroll', () => this.#drawSoon());
    this.#stage.addEventListener('keydown', (event) => this.#key(event));
    this.#stage.addEventListener('click', (event) => {
      const at = this.#under(event);
      if (at !== undefined) this.#choose(at);
    });
    this.#stage.addEventListener('pointermove', (event) => this.#tip(event));
    this.#stage.addEventListener('pointerleave', () => this.#tip(undefined));
    for (const kind of ['pointerdown', 'pointermove'] as const)
      this.#overview.addEventListener(kind, (event) => {
        if (event.buttons !== 1) return;
        const share = event.offsetY / this.#overview.clientHeight;
        this.#stage.scrollTop = share * this.#layout.height - this.#stage.clientHeight / 2;
      });
    this.#element('.search').addEventListener('input', (event) => {
      this.#view = { ...this.#view, search: (event.target as HTMLInputElement).value.trim().toLowerCase() };
      this.#relay();
    });
    this.#element('.scheme').addEventListener('click', () => {
      const root = this.#document.documentElement.style;
      const isDark =
        root.colorScheme === 'dark' ||
        (root.colorScheme === '' && window.matchMedia('(prefers-color-scheme: dark)').matches);
      root.colorScheme = isDark ? 'light' : 'dark';
      this.#drawSoon();
    });
    this.#document.addEventListener('keydown', (event) => {
      const isTyping = (event.target as HTMLElement).matches('input[type=search]');
      if (event.key === '/' && !isTyping) {
        event.preventDefault();
        this.#element('.search').focus();
      } else if (event.key === 'Escape') this.#stage.focus();
    });
    new ResizeObserver(() => this.#relay()).observe(this.#stage);
  }

  #chips(): void {
    const { data } = this.#tools;
    const all = this.#tools.layOut(data, { ...this.#view, hiddenKinds: new Set() });
    const countOf = (hidden: readonly Topic[]): number =>
      all.shown.length - this.#tools.layOut(data, { ...this.#view, hiddenKinds: new Set(hidden) }).shown.length;
    const lanes = this.#element('.lane-chips');
    for (const [lane, { name }] of data.lanes.entries())
      lanes.append(this.#chip(name, true, (isOn) => this.#hide('hiddenLanes', lane, !isOn)));
    const kinds = this.#element('.kind-chips');
    for (const topic of ['operations', 'messages', 'faults', 'notes', 'heartbeats'] as const) {
      const count = countOf([topic]);
      if (count === 0) continue;
      const chip = this.#chip(topic, !this.#view.hiddenKinds.has(topic), (isOn) =>
        this.#hide('hiddenKinds', topic, !isOn),
      );
      chip.append(this.#made('small', count.toLocaleString('en')));
      kinds.append(chip);
    }
  }

  #chip(label: string, isOn: boolean, toggle: (isOn: boolean) => void): HTMLElement {
    const chip = this.#made('label', '', 'chip');
    const box = this.#made('input') as HTMLInputElement;
    box.type = 'checkbox';
    box.checked = isOn;
    box.addEventListener('change', () => toggle(box.checked));
    chip.append(box, label);
    return chip;
  }

  #hide(of: 'hiddenLanes' | 'hiddenKinds', what: number | Topic, isHidden: boolean): void {
    const hidden = new Set<number | Topic>(this.#view[of]);
    if (isHidden) hidden.add(what);
    else hidden.delete(what);
    this.#view = { ...this.#view, [of]: hidden };
    this.#relay();
  }

  /** Lays out anew, and keeps what is chosen, or what was in the middle, where the eye is. */
  #relay(): void {
    const middle = this.#stage.scrollTop + this.#stage.clientHeight / 2;
    const anchor = this.#chosen ?? this.#layout.shown.find((at) => (this.#layout.y[at] ?? 0) >= middle);
    const before = anchor === undefined ? undefined : this.#layout.y[anchor];
    this.#layout = this.#tools.layOut(this.#tools.data, { ...this.#view, width: this.#stage.clientWidth });
    const picture = this.#element('.picture');
    picture.style.width = `${this.#layout.width}px`;
    picture.style.height = `${this.#layout.height}px`;
    this.#element('.empty').hidden = this.#layout.shown.length > 0;
    const after = anchor === undefined ? undefined : this.#layout.y[anchor];
    if (before !== undefined && after !== undefined) this.#stage.scrollTop += after - before;
    this.#heads();
    this.#drawSoon();
  }

  #heads(): void {
    const heads = this.#element('.lanes');
    heads.style.width = `${this.#layout.width}px`;
    heads.replaceChildren(
      this.#made('span', 'ms', 'unit'),
      ...this.#tools.data.lanes.flatMap(({ name, kind }, lane) => {
        const x = this.#layout.laneX[lane];
        if (x === undefined) return [];
        const head = this.#made('span', name, kind);
        head.style.left = `${x}px`;
        return [head];
      }),
    );
  }

  #drawSoon(): void {
    if (this.#awaitsDraw) return;
    this.#awaitsDraw = true;
    this.#tools.window.requestAnimationFrame(() => {
      this.#awaitsDraw = false;
      const { scrollTop: top, clientHeight: height } = this.#stage;
      this.#tools.picture.draw(this.#layout, { top, height, chosen: this.#chosen });
      this.#drawOverview();
    });
  }

  /** The whole of it at the side, with what is in sight framed. */
  #drawOverview(): void {
    const { window, data } = this.#tools;
    const { clientWidth: width, clientHeight: height } = this.#overview;
    const pen = this.#overview.getContext('2d');
    if (pen === null || height === 0) return;
    const density = window.devicePixelRatio;
    this.#overview.width = width * density;
    this.#overview.height = height * density;
    pen.scale(density, density);
    const color = window.getComputedStyle(this.#overview);
    // A light-dark() in a custom property is a text; the colour comes from where it is used.
    const paint = (name: string): string => {
      this.#overview.style.color = `var(--${name})`;
      return color.color;
    };
    const scale = height / this.#layout.height;
    const paints = Object.fromEntries(
      ['line', 'wire', 'ok', 'failed', 'unknown', 'lost', 'fault', 'down', 'ink'].map((name) => [name, paint(name)]),
    );
    const laneWide = (width - 6) / data.lanes.length;
    pen.globalAlpha = 0.25;
    for (const { span, top, bottom } of this.#layout.spans) {
      pen.fillStyle = paints[span.kind] ?? '';
      pen.fillRect(
        3 + (span.lane ?? 0) * laneWide,
        top * scale,
        span.lane === undefined ? width - 6 : laneWide,
        (bottom - top) * scale,
      );
    }
    pen.globalAlpha = 1;
    for (const at of this.#layout.shown) {
      const moment = data.moments[at];
      if (moment === undefined || moment.kind === 'arrive') continue;
      const isLoud = ['fault', 'lost', 'unknown'].includes(moment.tone);
      pen.fillStyle = (moment.tone === 'plain' ? paints.line : paints[moment.tone]) ?? '';
      pen.fillRect(
        3 + (moment.lane ?? 0) * laneWide,
        (this.#layout.y[at] ?? 0) * scale,
        moment.lane === undefined ? width - 6 : laneWide - 1,
        isLoud ? 2.5 : 1,
      );
    }
    pen.strokeStyle = paints.ink ?? '';
    pen.strokeRect(
      1,
      this.#stage.scrollTop * scale + 0.5,
      width - 2,
      Math.max(4, Math.min(height - 1, this.#stage.clientHeight * scale)),
    );
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moment = this.#chosen === undefined ? undefined : this.#tools.data.moments[this.#chosen];
    const remarkable = (at: number): boolean => this.#isRemarkable(at);
    const ofLane = (at: number): boolean => this.#tools.data.moments[at]?.lane === moment?.lane;
    const partner = this.#chosen === undefined ? undefined : (moment?.since ?? this.#layout.endedBy[this.#chosen]);
    const any = (): boolean => true;
    const targets: Readonly<Record<string, () => number | undefined>> = {
      ArrowDown: () => this.#next(1, any),
      j: () => this.#next(1, any),
      ArrowUp: () => this.#next(-1, any),
      k: () => this.#next(-1, any),
      ArrowRight: () => this.#next(1, ofLane),
      ArrowLeft: () => this.#next(-1, ofLane),
      n: () => this.#next(1, remarkable),
      p: () => this.#next(-1, remarkable),
      Enter: () => partner,
      PageDown: () => this.#page(1),
      PageUp: () => this.#page(-1),
      Home: () => this.#layout.shown[0],
      End: () => this.#layout.shown.at(-1),
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const at = target();
    if (at !== undefined && this.#layout.y[at] !== undefined) this.#choose(at);
  }

  #next(step: 1 | -1, wanted: (at: number) => boolean, from = this.#chosen ?? -1): number | undefined {
    const { shown } = this.#layout;
    const after = step === 1 ? shown.findIndex((at) => at > from) : shown.findLastIndex((at) => at < from);
    for (let place = after; place >= 0 && place < shown.length; place += step) {
      const at = shown[place];
      if (at !== undefined && wanted(at)) return at;
    }
    return undefined;
  }

  #page(step: 1 | -1): number | undefined {
    const y = (this.#layout.y[this.#chosen ?? 0] ?? 0) + step * this.#stage.clientHeight * 0.8;
    const beyond = this.#layout.shown.find((at) => (this.#layout.y[at] ?? 0) >= y);
    return beyond ?? this.#layout.shown.at(step === 1 ? -1 : 0);
  }

  #isRemarkable(at: number): boolean {
    const tone = this.#tools.data.moments[at]?.tone;
    return tone === 'fault' || tone === 'lost' || tone === 'unknown';
  }

  #choose(at: number): void {
    this.#chosen = at;
    const y = this.#layout.y[at] ?? 0;
    const { scrollTop, clientHeight } = this.#stage;
    if (y < scrollTop + 60 || y > scrollTop + clientHeight - 40) this.#stage.scrollTop = y - clientHeight * 0.4;
    this.#stage.setAttribute('aria-activedescendant', `m${at}`);
    this.#details(at);
    this.#drawSoon();
  }

  #details(at: number): void {
    const { data } = this.#tools;
    const moment = data.moments[at];
    if (moment === undefined) return;
    const rows: [string, string][] = [
      ['when', `${this.#round(moment.atMs)} ms`],
      ['where', moment.lane === undefined ? 'world' : (data.lanes[moment.lane]?.name ?? '')],
      ['what', moment.kind],
    ];
    if (moment.to !== undefined) rows.push(['to', data.lanes[moment.to]?.name ?? '']);
    if (moment.detail !== undefined) rows.push(['more', moment.detail]);
    const end = this.#layout.endedBy[at];
    const ended = end === undefined ? undefined : data.moments[end];
    if (ended !== undefined)
      rows.push([ended.kind, `${ended.text}, ${this.#round(ended.atMs - moment.atMs)} ms later`]);
    else if (moment.kind === 'call' || moment.kind === 'send') rows.push(['end', 'none in this trace']);
    const begun = moment.since === undefined ? undefined : data.moments[moment.since];
    if (begun !== undefined)
      rows.push([begun.kind, `${begun.text}, ${this.#round(moment.atMs - begun.atMs)} ms before`]);
    const broken = data.spans.filter(
      ({ fromMs, toMs, lane }) =>
        (lane === undefined || lane === moment.lane || lane === moment.to) &&
        fromMs <= moment.atMs &&
        moment.atMs <= (toMs ?? Infinity),
    );
    for (const { label, detail } of broken) rows.push(['during', detail ?? label]);
    rows.push(['entry', `${at + 1} of ${data.moments.length}`]);
    const list = this.#made('dl');
    for (const [name, value] of rows) list.append(this.#made('dt', name), this.#made('dd', value));
    const heading =
      begun === undefined
        ? moment.text
        : `${begun.text} → ${moment.kind === 'return' ? '' : `${moment.kind} `}${moment.kind === 'arrive' ? '' : moment.text}`;
    this.#element('.details').replaceChildren(this.#made('h2', heading), list);
  }

  #tip(event: PointerEvent | undefined): void {
    const tip = this.#element('.tip');
    const at = event === undefined ? undefined : this.#under(event);
    const moment = at === undefined ? undefined : this.#tools.data.moments[at];
    tip.hidden = moment === undefined;
    if (moment === undefined || event === undefined) return;
    const end = this.#layout.endedBy[at ?? 0];
    const ended = end === undefined ? undefined : this.#tools.data.moments[end];
    const outcome = ended === undefined || ended.kind === 'arrive' ? '' : ` → ${ended.text}`;
    tip.textContent = `${this.#round(moment.atMs)} ms · ${moment.kind} · ${moment.text}${moment.detail === undefined ? '' : ` · ${moment.detail}`}${outcome}`;
    const { innerWidth, innerHeight } = this.#tools.window;
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8)}px`;
  }

  #under(event: MouseEvent): number | undefined {
    const group = (event.target as Element).closest('[data-at]');
    return group === null ? undefined : Number(group.getAttribute('data-at'));
  }

  #round(ms: number): string {
    return ms.toLocaleString('en', { maximumFractionDigits: 3 });
  }

  #element(selector: string): HTMLElement {
    const element = this.#document.querySelector<HTMLElement>(selector);
    if (element === null) throw new Error(`the page has no ${selector}`);
    return element;
  }

  #made(name: string, text = '', className = ''): HTMLElement {
    const element = this.#document.createElement(name);
    if (text !== '') element.textContent = text;
    if (className !== '') element.className = className;
    return element;
  }
}
