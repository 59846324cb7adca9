import { openApiDocument } from '@devmentor/contracts/openapi';
import type { RouteName } from '@devmentor/contracts/routes';
import { packageVersion } from '../version.ts';
import type { App } from './app.ts';
import { problemsPage, routesPage } from './docs-page.ts';

/** No script, no asset, no frame around it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/** Serves what the served routes are: for programs at `/openapi.json`, for people under `/docs`. */
export function serveDocs(app: App, served: readonly RouteName[]): void {
  // Made when first asked for: most servers never are.
  const document = once(() => openApiDocument({ version: packageVersion(), routes: served }));
  const json = once(() => JSON.stringify(document()));
  const pages = {
    '/docs': once(() => routesPage(document(), served)),
    '/docs/problems': once(problemsPage),
  };
  app.get('/openapi.json', (_request, reply) =>
    reply.header('cache-control', 'no-cache').type('application/json; charset=utf-8').send(json()),
  );
  for (const [url, html] of Object.entries(pages))
    app.get(url, (_request, reply) =>
      reply
        .headers({ 'cache-control': 'no-cache', 'content-security-policy': POLICY })
        .type('text/html; charset=utf-8')
        .send(html()),
    );
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
