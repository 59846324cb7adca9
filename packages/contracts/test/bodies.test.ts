import {
  type AnswerOf,
  type BodyOf,
  type ClaimInput,
  type ClaimRequest,
  type ClaimToken,
  claimSchema,
  clientFrameSchema,
  createProjectSchema,
  eventSchema,
  type Operation,
  operations,
  type Project,
  parse,
  problemSchema,
  type RouteName,
  serverFrameSchema,
  updateProjectSchema,
} from '@devmentor/contracts';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { inputsOf, objectsIn } from './arbitrary.ts';

const routeNames = Object.keys(operations) as RouteName[];
const operationOf = (name: RouteName): Operation => operations[name];
const sent = routeNames.flatMap((name) => {
  const { body } = operationOf(name);
  return body === undefined ? [] : [[name, body] as const];
});
const read = routeNames.flatMap((name) =>
  Object.entries(operationOf(name).answers).flatMap(([status, answer]) =>
    typeof answer === 'string' ? [] : [[`${name} ${status}`, answer] as const],
  ),
);
const unions: (readonly [string, z.ZodType])[] = [
  ['client frames', clientFrameSchema],
  ['server frames', serverFrameSchema],
  ['events', eventSchema],
  ['problems', problemSchema],
];

const isStrict = (object: z.ZodObject): boolean => object.def.catchall instanceof z.ZodNever;

const overTheWire = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

describe('every body and answer', () => {
  it.each([...sent, ...read, ...unions])('[B1] %s reads back from JSON as what was written', (_, schema) => {
    fc.assert(
      fc.property(inputsOf(schema), (input) => {
        const first = parse(schema, input);
        expect(first.kind).toBe('ok');
        const value = first.kind === 'ok' ? first.value : undefined;
        // Once defaults are filled in, another trip changes nothing.
        expect(parse(schema, overTheWire(value))).toEqual({ kind: 'ok', value });
        expect(overTheWire(value)).toEqual(value);
      }),
      { numRuns: 30 },
    );
  });

  it.each(sent)('[B2] %s refuses an unknown member and points at it', (_, schema) => {
    fc.assert(
      fc.property(
        inputsOf(schema).filter((input) => input !== undefined),
        (input) => {
          const parsed = parse(schema, { ...z.record(z.string(), z.unknown()).parse(input), 'sur/plus': 1 });
          expect(parsed).toEqual({
            kind: 'invalid',
            errors: [{ pointer: '/sur~1plus', message: 'is not a known member' }],
          });
        },
      ),
      { numRuns: 10 },
    );
  });

  it.each(read)('[B3] %s may say more than is known, and the surplus is dropped', (_, schema) => {
    fc.assert(
      fc.property(inputsOf(schema), (input) => {
        const plain = parse(schema, input);
        const surplus = parse(schema, { ...z.record(z.string(), z.unknown()).parse(input), sur_plus: 1 });
        expect(surplus).toEqual(plain);
      }),
      { numRuns: 10 },
    );
  });
});

describe('every object on the wire', () => {
  it.each([...sent, ['client frames', clientFrameSchema] as const])(
    '[B12] %s is strict at every level',
    (_, schema) => {
      const objects = objectsIn(schema);
      expect(objects.length).toBeGreaterThan(0);
      for (const object of objects)
        expect([Object.keys(object.shape), isStrict(object)]).toEqual([Object.keys(object.shape), true]);
    },
  );

  it.each([...read, ...unions.slice(1)])('[B13] %s is lenient at every level', (_, schema) => {
    const objects = objectsIn(schema);
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects)
      expect([Object.keys(object.shape), isStrict(object)]).toEqual([Object.keys(object.shape), false]);
  });
});

describe('claims', () => {
  it('[B4] a ttl from one second to one hour is accepted, and no other', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 4_000_000 }), (ttlMs) => {
        expect(parse(claimSchema, { ttlMs }).kind === 'ok').toBe(ttlMs >= 1_000 && ttlMs <= 3_600_000);
      }),
    );
    for (const ttlMs of [1_000, 3_600_000]) expect(parse(claimSchema, { ttlMs }).kind).toBe('ok');
    for (const ttlMs of [999, 3_600_001, 1_500.5, '5000', null, Number.NaN]) {
      expect(parse(claimSchema, { ttlMs }).kind).toBe('invalid');
    }
  });

  it('[B5] a wait of at most thirty seconds is accepted, and no other', () => {
    for (const waitMs of [0, 30_000]) expect(parse(claimSchema, { waitMs }).kind).toBe('ok');
    for (const waitMs of [-1, 30_001, 0.5]) expect(parse(claimSchema, { waitMs }).kind).toBe('invalid');
  });

  it('[B6] a claim without a body is a claim by the default instance', () => {
    const value = { ttlMs: 30_000, waitMs: 0, instanceId: 'default' };
    expect(parse(claimSchema, undefined)).toEqual({ kind: 'ok', value });
    expect(parse(claimSchema, {})).toEqual({ kind: 'ok', value });
    expectTypeOf<ClaimInput['ttlMs']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<ClaimRequest['ttlMs']>().toEqualTypeOf<number>();
  });
});

describe('projects', () => {
  it('[B7] data is kept as it is, and __proto__ is refused at any depth', () => {
    const data = { deep: [{ er: null }] };
    expect(parse(createProjectSchema, { name: 'a', data })).toEqual({ kind: 'ok', value: { name: 'a', data } });
    const hostile: unknown = JSON.parse('{"name":"a","data":{"x":[{"__proto__":{"admin":true}}]}}');
    expect(parse(createProjectSchema, hostile)).toMatchObject({ kind: 'invalid', errors: [{ pointer: '/data' }] });
  });

  it('[B8] data nested beyond the bound is refused, however deep it goes', () => {
    const nested = (levels: number): unknown => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);
    expect(parse(createProjectSchema, { name: 'a', data: nested(64) }).kind).toBe('ok');
    expect(parse(createProjectSchema, { name: 'a', data: nested(65) }).kind).toBe('invalid');
    expect(parse(createProjectSchema, { name: 'a', data: nested(100_000) }).kind).toBe('invalid');
  });

  it('[B9] a patch tells leaving alone from emptying', () => {
    expect(parse(updateProjectSchema, {})).toEqual({ kind: 'ok', value: {} });
    expect(parse(updateProjectSchema, { description: null })).toEqual({ kind: 'ok', value: { description: null } });
    expect(parse(updateProjectSchema, { name: null }).kind).toBe('invalid');
  });

  it('[B10] a name is a line of text', () => {
    for (const name of ['', '   ', 'a\nb', 'a\u0000', '\ud800', 'x'.repeat(201)]) {
      expect(parse(createProjectSchema, { name }).kind).toBe('invalid');
    }
  });
});

describe('types', () => {
  it('[B11] bodies and answers are typed by their route', () => {
    expectTypeOf<AnswerOf<'projects.claim'>>().toEqualTypeOf<ClaimToken>();
    expectTypeOf<AnswerOf<'projects.update'>>().toEqualTypeOf<Project>();
    expectTypeOf<AnswerOf<'projects.delete'>>().toEqualTypeOf<undefined>();
    expectTypeOf<BodyOf<'projects.delete'>>().toEqualTypeOf<undefined>();
    expectTypeOf<BodyOf<'projects.claim'>>().toEqualTypeOf<ClaimInput | undefined>();
  });
});
