// The page of one case: lanes side by side, time downwards, one file that loads nothing.
import type { Fault } from './fault.ts';
import { faultLabel } from './fault-label.ts';
import { type StoryOptions, storyOf } from './story.ts';
import type { PageData } from './timeline.html.data.ts';
import { layOut } from './timeline.html.layout.ts';
import { Page } from './timeline.html.page.ts';
import { Picture } from './timeline.html.picture.ts';
import { pageStyle } from './timeline.html.style.ts';
import { timeline } from './timeline.ts';
import type { TraceEntry } from './trace.ts';

/** What stands above the page, and what is told on it. */
export interface TimelinePageOptions extends StoryOptions {
  /** @default 'Simulation' */
  readonly title?: string;
  /** Shown under the title, as in seed and digest. */
  readonly facts?: readonly (readonly [name: string, value: string])[];
  readonly violations?: readonly string[];
  /** What was asked of the world, a line each. */
  readonly steps?: readonly string[];
  readonly faults?: readonly Fault[];
}

/**
 * A page that shows a trace: lanes, arrows, faults shaded, filters, details by pointer and by keys.
 *
 * It loads nothing, needs no server, and copes with tens of thousands of entries. Labels are shown
 * as they are and never become markup or script. Without scripts it shows the text timeline.
 */
export function timelineHtml(entries: readonly TraceEntry[], options: TimelinePageOptions = {}): string {
  const title = options.title ?? 'Simulation';
  const data: PageData = {
    title,
    facts: [...(options.facts ?? []), ['entries', entries.length.toLocaleString('en')]],
    violations: options.violations ?? [],
    steps: options.steps ?? [],
    faults: (options.faults ?? []).map(faultLabel),
    ...storyOf(entries, options),
  };
  const script = [
    `const data = JSON.parse(document.getElementById('data').textContent);`,
    `const layOut = ${String(layOut)};`,
    `const Picture = ${String(Picture)};`,
    `const Page = ${String(Page)};`,
    `const picture = new Picture(document.querySelector('svg'), data);`,
    `new Page({ window, data, layOut, picture }).start();`,
  ].join('\n');
  const withoutScripts = { width: 120, ...(options.isRoutine !== undefined && { isRoutine: options.isRoutine }) };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<div class="top"><h1>${escaped(title)}</h1><button class="scheme" type="button">light / dark</button></div>
<dl class="facts">${data.facts.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join('')}</dl>
${listOf(data.violations)}
<div class="plans">${planOf('steps', data.steps)}${planOf('faults', data.faults)}</div>
</header>
<nav aria-label="What is shown">
<fieldset class="lane-chips"><legend>lanes</legend></fieldset>
<fieldset class="kind-chips"><legend>kinds</legend></fieldset>
<input class="search" type="search" placeholder="Find (press /)" aria-label="Find">
</nav>
<main>
<div class="stage" tabindex="0" role="listbox" aria-label="Timeline">
<div class="lanes"></div>
<div class="picture"><svg role="presentation"></svg></div>
<p class="empty" hidden>Nothing matches.</p>
</div>
<canvas class="overview" aria-hidden="true"></canvas>
<aside>
<div class="details" aria-live="polite"></div>
<dl class="keys">
<dt><kbd>↑</kbd> <kbd>↓</kbd></dt><dd>the one before, the next</dd>
<dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>of the same lane</dd>
<dt><kbd>n</kbd> <kbd>p</kbd></dt><dd>next and last fault, loss or unknown</dd>
<dt><kbd>Enter</kbd></dt><dd>the other end</dd>
<dt><kbd>/</kbd></dt><dd>find</dd>
</dl>
</aside>
</main>
<div class="tip" hidden></div>
<noscript><pre>${escaped(timeline(entries, withoutScripts))}</pre></noscript>
<script id="data" type="application/json">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
<script type="module">
${script.replaceAll('</', '<\\/')}
</script>
</body>
</html>
`;
}

function listOf(violations: readonly string[]): string {
  if (violations.length === 0) return '';
  return `<ul class="violations">${violations.map((one) => `<li>${escaped(one)}</li>`).join('')}</ul>`;
}

function planOf(name: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  const items = lines.map((one) => `<li>${escaped(one)}</li>`).join('');
  return `<details><summary>${lines.length} ${lines.length === 1 ? name.slice(0, -1) : name}</summary><ol>${items}</ol></details>`;
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
