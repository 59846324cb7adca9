import { readFileSync } from 'node:fs';
import { codes } from '@devmentor/contracts/codes';
import { type RouteName, routes } from '@devmentor/contracts/routes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { Client, good, guest, problem } from './client.ts';

type Operation = {
  readonly operationId: RouteName;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, object>>;
};
type Document = {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
};

const COMMITTED = new URL('../../contracts/openapi.json', import.meta.url);

let server: Server;
let anybody: Client;
let document: Document;

beforeAll(async () => {
  server = await createServer({ demo: true });
  anybody = new Client(server.url);
  document = good(await anybody.ask<Document>('/openapi.json'));
});
afterAll(() => server.close());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

describe('the document', () => {
  it('[OA1] is the committed copy, which `pnpm openapi` writes anew', () => {
    expect(document).toEqual(JSON.parse(readFileSync(COMMITTED, 'utf8')));
  });

  it('[OA2] lists every served route and no other', async () => {
    const { client } = await guest(server.url);
    const listed = operations().map(({ operation }) => operation.operationId);
    for (const name of Object.keys(routes) as RouteName[]) {
      const { method, path } = routes[name];
      const reply = await client.ask(path.replace(/:\w+/g, 'x'), {
        method,
        ...(method !== 'GET' && { raw: '{}' }),
        headers: { 'last-event-id': 'x', authorization: 'Bearer x' },
      });
      const isServed =
        reply.status !== 405 && !(reply.status === 404 && reply.text.includes('nothing at this address'));
      expect([name, listed.includes(name)]).toEqual([name, isServed]);
    }
  });

  it('[OA3] refers only to what it holds, and names every path parameter', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = '']) => ref);
    expect(refs.length).toBeGreaterThan(10);
    for (const ref of new Set(refs))
      expect(document.components.schemas).toHaveProperty([ref.replace('#/components/schemas/', '')]);
    for (const { path, operation } of operations()) {
      const named = operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
      expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(Object.keys(operation.responses).some((status) => Number(status) < 300)).toBe(true);
    }
    expect(document.openapi).toBe('3.1.0');
  });

  it('[OA4] reads queries as what they are: numbers, and lists by comma', () => {
    const of = (path: string) => document.paths[path]?.get?.parameters;
    expect(of('/api/v1/projects')).toContainEqual(
      expect.objectContaining({
        name: 'limit',
        required: false,
        schema: expect.objectContaining({ type: 'integer', minimum: 1, maximum: 100 }),
      }),
    );
    expect(of('/api/events')).toContainEqual(
      expect.objectContaining({
        name: 'topics',
        style: 'form',
        explode: false,
        schema: expect.objectContaining({ type: 'array' }),
      }),
    );
  });
});

describe('the pages', () => {
  it('[OA5] explain every code at the address its problems name', async () => {
    const page = await anybody.ask('/docs/problems');
    expect(page.headers.get('content-type')).toContain('text/html');
    for (const code of Object.keys(codes)) expect(page.text).toContain(`<section id="${code}">`);
    const { type, code } = problem(await anybody.ask('projects'));
    expect(type).toBe(`/docs/problems#${code}`);
  });

  it('[OA6] show every served route, and load nothing', async () => {
    for (const path of ['/docs', '/docs/problems']) {
      const page = await anybody.ask(path);
      expect(page.status).toBe(200);
      expect(page.text).not.toMatch(/<script|<link|<img|src=|url\(|@import/i);
      expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    }
    const { text } = await anybody.ask('/docs');
    for (const { operation } of operations()) expect(text).toContain(`id="${operation.operationId}"`);
  });
});

describe('what was read before', () => {
  it('[H3] is not sent again while it is the same, whatever the route', async () => {
    const { client } = await guest(server.url);
    const project = await client.project();
    for (const path of ['projects', `projects/${project.id}`, 'auth/sessions', 'ai/blackboards']) {
      const first = await client.ask(path);
      const etag = first.headers.get('etag') ?? '';
      expect(first.headers.get('cache-control')).toBe('private, no-cache');
      const again = await client.ask(path, { headers: { 'if-none-match': etag } });
      expect([path, again.status, again.text]).toEqual([path, 304, '']);
      expect((await client.ask(path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    }
  });
});
