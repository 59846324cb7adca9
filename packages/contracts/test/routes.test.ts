import {
  commonCodes,
  createProjectSchema,
  etagOf,
  eventsQuerySchema,
  type Operation,
  operations,
  parse,
  pathParams,
  pathTo,
  type Route,
  type RouteName,
  routes,
  storeEntrySchema,
} from '@devmentor/contracts';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { ids, memoryKeys, resources, topics } from './arbitrary.ts';

const names = Object.keys(routes) as RouteName[];
const routeOf = (name: RouteName): Route => routes[name];
const operationOf = (name: RouteName): Operation => operations[name];

describe('routes', () => {
  it('[R1] no two routes share method and path shape', () => {
    const shapes = names.map((name) => `${routeOf(name).method} ${routeOf(name).path.replace(/:\w+/g, ':')}`);
    expect(new Set(shapes).size).toBe(names.length);
  });

  it('[R2] a path carries any id, key and resource as one segment and gives it back', () => {
    const segmentOf = (path: string, index: number) =>
      decodeURIComponent(new URL(path, 'http://localhost').pathname.split('/')[index] ?? '');
    fc.assert(
      fc.property(ids, resources, memoryKeys, (id, resource, key) => {
        expect(segmentOf(pathTo('projects.claim', { id }), 4)).toBe(id);
        expect(segmentOf(pathTo('locks.acquire', { resource }), 4)).toBe(resource);
        expect(segmentOf(pathTo('memory.store', { key }), 5)).toBe(key);
        expect(new URL(pathTo('memory.store', { key }), 'http://localhost').pathname.split('/')).toHaveLength(6);
      }),
    );
  });

  it('[R3] a segment that a URL parser would resolve away is refused', () => {
    for (const id of ['', '.', '..']) expect(() => pathTo('projects.get', { id })).toThrow(RangeError);
  });

  it('[R4] a list in a query gives back its items, commas and percent signs included', () => {
    fc.assert(
      fc.property(fc.array(topics, { minLength: 1, maxLength: 5 }), (list) => {
        const url = new URL(pathTo('events.stream', {}, { topics: list }), 'http://localhost');
        const query = parse(eventsQuerySchema, Object.fromEntries(url.searchParams));
        expect(query).toEqual({ kind: 'ok', value: { topics: list } });
      }),
    );
    expect(parse(eventsQuerySchema, { topics: 'project:1,lock:50%' }).kind).toBe('invalid');
  });

  it('[R5] an undefined query value is left out', () => {
    expect(pathTo('projects.list', {}, { cursor: undefined, limit: 5 })).toBe('/api/v1/projects?limit=5');
    expect(pathTo('projects.list')).toBe('/api/v1/projects');
  });

  it('[R6] every path parameter has a schema', () => {
    const used = new Set(
      names.flatMap((name) => [...routeOf(name).path.matchAll(/:(\w+)/g)].map(([, param]) => param)),
    );
    expect([...used].sort()).toEqual(Object.keys(pathParams).sort());
  });

  it('[R7] the path parameters are part of the type', () => {
    expectTypeOf(pathTo<'projects.withdrawTakeover'>)
      .parameter(0)
      .toEqualTypeOf<'projects.withdrawTakeover'>();
    expectTypeOf<Parameters<typeof pathTo<'projects.withdrawTakeover'>>[1]>().toEqualTypeOf<
      Readonly<Record<'id' | 'requestId', string>>
    >();
    // @ts-expect-error the id is missing
    expect(() => pathTo('projects.get', {})).toThrow(RangeError);
  });

  it('[R8] an entity tag is strong', () => {
    expect(etagOf(7)).toBe('"7"');
  });
});

describe('operations', () => {
  it('[O1] every route has an operation and the other way round', () => {
    expect(Object.keys(operations).sort()).toEqual([...names].sort());
  });

  it('[O2] a route that takes an idempotency key says what a reused one answers', () => {
    for (const name of names) {
      const reused = operationOf(name).codes.includes('IDEMPOTENCY_KEY_REUSED');
      expect([name, reused]).toEqual([name, routeOf(name).idempotent === true]);
    }
  });

  it('[O3] a conditional route names the answers of its two preconditions', () => {
    for (const name of names) {
      const { codes } = operationOf(name);
      expect([name, codes.includes('IF_MATCH_REQUIRED')]).toEqual([name, routeOf(name).conditional === true]);
      expect(codes.includes('CLAIM_REQUIRED')).toBe(codes.includes('IF_MATCH_REQUIRED'));
    }
  });

  it('[O4] no operation repeats a common code or one of its own', () => {
    for (const name of names) {
      const all = [...commonCodes, ...operationOf(name).codes];
      expect([name, new Set(all).size]).toEqual([name, all.length]);
    }
  });

  it('[O5] only POST, PUT and PATCH take a body', () => {
    for (const name of names) {
      if (operationOf(name).body !== undefined) expect(['POST', 'PUT', 'PATCH']).toContain(routeOf(name).method);
    }
  });

  it('[O6] every body, query and answer can be written as JSON Schema', () => {
    for (const name of names) {
      const { body, query, answers } = operationOf(name);
      for (const schema of [body, query]) {
        if (schema !== undefined) expect(z.toJSONSchema(schema, { io: 'input' })).toHaveProperty('$schema');
      }
      for (const answer of Object.values(answers)) {
        if (typeof answer !== 'string') expect(z.toJSONSchema(answer)).toHaveProperty('$schema');
      }
    }
    expect(z.toJSONSchema(createProjectSchema)).toMatchObject({ properties: { data: { type: 'object' } } });
    expect(z.toJSONSchema(storeEntrySchema)).toMatchObject({ required: ['value'] });
  });
});
