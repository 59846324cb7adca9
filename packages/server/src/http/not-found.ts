import { resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';
import type { App } from './app.ts';
import { sendProblem } from './app.ts';

type Known = { readonly method: string; readonly pattern: RegExp };

/** Call before any route is added: it takes note of them, to tell 405 from 404. */
export function noteRoutes(app: App): readonly Known[] {
  const known: Known[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    if (url.includes('*')) return;
    const pattern = new RegExp(`^${url.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')}$`);
    for (const one of [method].flat()) if (one !== 'OPTIONS') known.push({ method: one, pattern });
  });
  return known;
}

/** Answers what no route did: the page of a single-page app, 405, or 404. */
export async function answerTheRest(app: App, known: readonly Known[], ui: string | undefined): Promise<void> {
  if (ui !== undefined) {
    await app.register(fastifyStatic, {
      root: resolve(ui),
      wildcard: false,
      index: ['index.html'],
      cacheControl: false,
      etag: true,
    });
  }
  app.setNotFoundHandler((request, reply) => {
    if (ui !== undefined && wantsPage(request)) return reply.header('cache-control', 'no-cache').sendFile('index.html');
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = known.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    const problem =
      allowed.length === 0
        ? new Problem('NOT_FOUND', 'there is nothing at this address')
        : new Problem('METHOD_NOT_ALLOWED', `${request.method} is not for this address`, {
            headers: { allow: [...new Set(allowed)].join(', ') },
          });
    sendProblem(problem, request, reply);
    return reply;
  });
}

const NOT_PAGES = ['/api/', '/health/', '/metrics', '/ws'];

function wantsPage({ method, url, headers }: FastifyRequest): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    headers.accept?.includes('text/html') === true &&
    !NOT_PAGES.some((prefix) => url.startsWith(prefix))
  );
}
