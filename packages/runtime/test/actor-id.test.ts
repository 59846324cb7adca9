import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatActorId, parseActorId, shardOf } from '../src/index.ts';

describe('actor ids', () => {
  it('[AI1] every key within the limits comes back from its id, colons included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (key) => {
        fc.pre(!/\p{Cc}|\p{Surrogate}/u.test(key));
        expect(parseActorId(formatActorId('project', key))).toEqual({ type: 'project', key });
      }),
    );
  });

  it('[AI2] an empty key, a control character, half a character and more than 512 bytes name no actor', () => {
    for (const key of ['', 'a\nb', 'a\u0000', '\ud800', 'x'.repeat(505), 'ü'.repeat(253)]) {
      expect(() => formatActorId('project', key)).toThrow(RangeError);
      expect(parseActorId(`project:${key}`)).toBeUndefined();
    }
    expect(formatActorId('project', 'x'.repeat(504))).toHaveLength(512);
    for (const id of ['project', ':key', '1type:key', 'a b:key']) expect(parseActorId(id)).toBeUndefined();
  });

  it('[AI3] the shard of an actor never changes', () => {
    expect(shardOf('project:42', 64)).toBe(shardOf('project:42', 64));
    expect([shardOf('project:42', 64), shardOf('user:ann', 64), shardOf('user:ü', 64)]).toMatchInlineSnapshot(`
      [
        15,
        9,
        57,
      ]
    `);
  });
});
