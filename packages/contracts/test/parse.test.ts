import {
  analysisInputSchema,
  claimSchema,
  clientFrameSchema,
  credentialsSchema,
  isJson,
  limits,
  type Operation,
  operations,
  pageQuerySchema,
  parse,
  pointerTo,
  serverFrameSchema,
  storeEntrySchema,
} from '@devmentor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const all: Operation[] = Object.values(operations);
const schemas = [
  clientFrameSchema,
  serverFrameSchema,
  ...all.flatMap(({ body, query }) => [body, query]).filter((schema) => schema !== undefined),
];

describe('parse', () => {
  it('[P1] no value makes it throw', () => {
    const values = fc.oneof(fc.anything({ withBigInt: true, withSparseArray: true }), fc.jsonValue());
    fc.assert(
      fc.property(fc.constantFrom(...schemas), values, (schema, value) => {
        expect(['ok', 'invalid']).toContain(parse(schema, value).kind);
      }),
      { numRuns: 500 },
    );
  });

  it('[P2] an error points at the offending place', () => {
    expect(parse(claimSchema, { ttlMs: 1, extra: 1 })).toMatchObject({
      errors: [{ pointer: '/ttlMs' }, { pointer: '/extra' }],
    });
    expect(parse(clientFrameSchema, { t: 'nope' })).toMatchObject({ errors: [{ pointer: '/t' }] });
    expect(parse(clientFrameSchema, [])).toMatchObject({ errors: [{ pointer: '' }] });
    expect(parse(clientFrameSchema, { t: 'subscribe', topics: ['inspector', 'x'] })).toMatchObject({
      errors: [{ pointer: '/topics/1' }],
    });
    const cursors = parse(clientFrameSchema, { t: 'subscribe', topics: ['inspector'], cursors: { 'x/y': '1' } });
    expect(cursors).toMatchObject({ errors: [{ pointer: '/cursors/x~1y' }] });
  });

  it('[P3] of the forms a body may have, the nearest is explained', () => {
    expect(parse(analysisInputSchema, { code: 'x', contxt: 1 })).toMatchObject({ errors: [{ pointer: '/contxt' }] });
    expect(parse(analysisInputSchema, { files: [{ path: 'a' }] })).toMatchObject({
      errors: [{ pointer: '/files/0/content' }],
    });
  });

  it('[P4] at most twenty places are named', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 1]));
    const parsed = parse(claimSchema, many);
    expect(parsed.kind === 'invalid' && parsed.errors.length).toBe(limits.problemErrors);
  });

  it('[P5] a message never repeats the value, which may be a secret', () => {
    const parsed = parse(credentialsSchema, { username: 1, password: ['hunter2'.repeat(50)] });
    expect(parsed.kind).toBe('invalid');
    expect(JSON.stringify(parsed)).not.toContain('hunter2');
  });

  it('[P6] a query number is written in digits and within its bounds', () => {
    expect(parse(pageQuerySchema, {})).toEqual({ kind: 'ok', value: { limit: 20 } });
    expect(parse(pageQuerySchema, { limit: '100' })).toEqual({ kind: 'ok', value: { limit: 100 } });
    for (const limit of ['', '0', '101', '1e1', '0x10', ' 5 ', '-1', '1.5', ['5', '6'], 5]) {
      expect([limit, parse(pageQuerySchema, { limit }).kind]).toEqual([limit, 'invalid']);
    }
  });

  it('[P7] a pointer escapes what would break it', () => {
    expect(pointerTo(['a/b', 0, '~1', ''])).toBe('/a~1b/0/~01/');
    expect(pointerTo([])).toBe('');
  });
});

describe('JSON', () => {
  it('[J1] what is taken for JSON survives the wire, and nothing else is taken', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), (value) => {
        if (isJson(value)) expect(JSON.parse(JSON.stringify(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
    for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, -0, 1n, () => 1, new Map(), [undefined]]) {
      expect(isJson(value)).toBe(false);
    }
  });

  it('[J2] a value that holds itself is refused, not followed', () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    expect(isJson(loop)).toBe(false);
  });

  it('[J3] the size of a bounded value is that of its JSON', () => {
    const filled = (bytes: number) => parse(storeEntrySchema, { value: 'x'.repeat(bytes - 2) }).kind;
    expect([filled(limits.memoryValueBytes), filled(limits.memoryValueBytes + 1)]).toEqual(['ok', 'invalid']);
    expect(parse(storeEntrySchema, {}).kind).toBe('invalid');
  });

  it('[J4] JSON too deep for its size to be taken is refused, not followed', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    const presence = { t: 'presence', topic: 'presence:1', state: { deep } };
    for (const parsed of [parse(storeEntrySchema, { value: deep }), parse(clientFrameSchema, presence)]) {
      expect(parsed.kind === 'invalid' && parsed.errors.map(({ message }) => message)).toEqual([
        expect.stringContaining('64 levels deep'),
      ]);
    }
  });
});
