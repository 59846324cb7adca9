import { idSchema, isId, isMemoryKey, isResource, parse, resourceSchema, utf8Bytes } from '@devmentor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ids } from './arbitrary.ts';

const alphabet = /^[A-Za-z0-9._~-]*$/;

describe('ids', () => {
  it('[I1] an id is 1 to 128 characters of the alphabet', () => {
    fc.assert(
      fc.property(fc.oneof(ids, fc.string({ maxLength: 140, unit: 'binary' })), (text) => {
        const legal = alphabet.test(text) && text.length >= 1 && text.length <= 128 && text !== '.' && text !== '..';
        expect(isId(text)).toBe(legal);
        expect(parse(idSchema, text).kind === 'ok').toBe(legal);
      }),
    );
    expect([isId('a'.repeat(128)), isId('a'.repeat(129)), isId(''), isId('a\n')]).toEqual([true, false, false, false]);
  });

  it('[I2] no name is a dot segment, for no path could carry it', () => {
    for (const name of ['.', '..'])
      expect([isId(name), isResource(name), isMemoryKey(name)]).toEqual([false, false, false]);
    for (const name of ['...', '.a', '..b']) expect([isId(name), isResource(name)]).toEqual([true, true]);
  });

  it('[I3] a resource is 1 to 512 bytes of UTF-8, not characters', () => {
    expect([isResource('é'.repeat(256)), isResource('é'.repeat(257))]).toEqual([true, false]);
    expect([isResource('x'.repeat(512)), isResource('x'.repeat(513)), isResource('')]).toEqual([true, false, false]);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (text) => {
        if (isResource(text)) expect(utf8Bytes(text)).toBeLessThanOrEqual(512);
        expect(parse(resourceSchema, text).kind === 'ok').toBe(isResource(text));
      }),
    );
  });

  it('[I4] control characters and halves of surrogate pairs name nothing', () => {
    for (const text of ['a\u0000b', 'a\nb', '\u007f', '\u0085', '\ud800', 'a\udfff']) {
      expect([text, isResource(text), isMemoryKey(text)]).toEqual([text, false, false]);
    }
    expect(isMemoryKey('user:1:prefs / \u{1f511}')).toBe(true);
  });
});
