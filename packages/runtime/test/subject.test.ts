import { encodeId } from '@devmentor/locks';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPattern, checkQueue, checkSubject, matches } from '../src/subject.ts';

const accepts = (check: (text: string) => void, text: string): boolean => {
  try {
    check(text);
    return true;
  } catch {
    return false;
  }
};

describe('subjects', () => {
  it('[TR8] what is accepted holds no byte that a server could read as anything else', () => {
    let accepted = 0;
    const mean = fc.constantFrom(' ', '\t', '\r', '\n', '\0', '.', '*', '>', 'a', '-', '~', 'ä', '\u2028');
    fc.assert(
      fc.property(fc.string({ unit: fc.oneof(mean, fc.constantFrom('a', 'b', '0')), maxLength: 12 }), (text) => {
        for (const check of [checkSubject, checkQueue]) {
          if (!accepts(check, text)) continue;
          accepted += 1;
          expect(text).toMatch(/^[\x21-\x7e]+$/);
          expect(text.split('.')).not.toContain('');
          expect(text).not.toMatch(/[*>]/);
        }
        if (accepts(checkPattern, text)) expect(text).toMatch(/^[\x21-\x7e]+$/);
      }),
      { numRuns: 2_000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it('[TR8] every encoded id is an acceptable token', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' }), (id) => {
        expect(accepts(checkSubject, `ev.ns.${encodeId(id)}`)).toBe(true);
      }),
    );
  });

  it.each([
    ['a', 'a', true],
    ['a', 'a.b', false],
    ['*', 'a', true],
    ['*', 'a.b', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['a.>', 'a.b.c', true],
    ['a.>', 'a', false],
    ['>', 'a.b', true],
    ['a.*.c', 'a.b.c', true],
    ['a.*.c', 'a.b.d', false],
  ])('[TR2] the pattern %s and the subject %s: %s', (pattern, subject, covered) => {
    expect(accepts(checkPattern, pattern)).toBe(true);
    expect(matches(pattern.split('.'), subject)).toBe(covered);
  });

  it.each(['a.>.b', '>.a', 'a*', 'a.b>', 'a.**'])('[TR8] the pattern %s is refused', (pattern) => {
    expect(accepts(checkPattern, pattern)).toBe(false);
  });
});
