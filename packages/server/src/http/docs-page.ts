// The pages under `/docs`: the contract for people to read, with nothing to load and nothing to run.
import { codes } from '@devmentor/contracts/codes';
import type { JsonSchema } from '@devmentor/contracts/openapi';
import { type Route, type RouteName, routes } from '@devmentor/contracts/routes';
import { guidance, summaries } from '@devmentor/contracts/summaries';

const STYLE = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:14px/1.4 ui-monospace,monospace}
pre{overflow:auto;padding:.75rem;border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:.25rem}
section{border-top:1px solid color-mix(in srgb,currentColor 25%,transparent);padding:.5rem 0}
h3{margin:.25rem 0;font-size:1rem} p{margin:.25rem 0} :target{outline:2px solid;outline-offset:.5rem}
.method{display:inline-block;min-width:4.5rem;font-weight:700}`;

/** Every served route, with the schemas of its document. */
export function routesPage(document: JsonSchema, served: readonly RouteName[]): string {
  const tags = [...new Set(served.map((name) => name.split('.')[0] ?? ''))];
  const parts = tags.map(
    (tag) =>
      `<h2>${text(tag)}</h2>${served
        .filter((name) => name.startsWith(`${tag}.`))
        .map((name) => routeSection(name, document))
        .join('')}`,
  );
  return page(
    'DevMentor API',
    `<p>The document for programs is at <a href="/openapi.json">/openapi.json</a>. Every error is a
<a href="/docs/problems">problem</a> with one of a closed set of codes.</p>${parts.join('')}`,
  );
}

/** Every code, at the address a problem's \`type\` names. */
export function problemsPage(): string {
  const sections = Object.entries(codes).map(
    ([code, { status, title }]) =>
      `<section id="${text(code)}"><h3><code>${text(code)}</code> · ${status} · ${text(title)}</h3>
<p>${prose(guidance[code as keyof typeof guidance])}</p></section>`,
  );
  return page('Problems', `<p><a href="/docs">All routes</a></p>${sections.join('')}`);
}

function routeSection(name: RouteName, document: JsonSchema): string {
  const { method, path, auth }: Route = routes[name];
  const template = path.replace(/:([A-Za-z]+)/g, '{$1}');
  const operation = at(document, 'paths', template, method.toLowerCase());
  const { requestBody, parameters, responses } = operation as Record<string, unknown>;
  const details = JSON.stringify({ parameters, requestBody, responses }, null, 2);
  return `<section id="${text(name)}"><h3><span class="method">${method}</span><code>${text(path)}</code></h3>
<p>${text(summaries[name])}${auth === 'none' ? '' : ` · ${text(auth)}`}</p>
<details><summary>Details</summary><pre>${text(details)}</pre></details></section>`;
}

function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>${text(title)}</title>
<style>${STYLE}</style></head><body><h1>${text(title)}</h1>${body}</body></html>`;
}

/** Names in backticks stand as code. */
function prose(raw: string): string {
  return text(raw).replace(/`([^`]+)`/g, '<code>$1</code>');
}

function text(raw: string): string {
  return raw.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
