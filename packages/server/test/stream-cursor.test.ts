import { limits } from '@devmentor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCursor, writeCursor } from '../src/live/stream-cursor.ts';

const place = fc.oneof(
  fc.constant(''),
  fc.bigInt(0n, 10n ** 16n - 1n).map((n) => n.toString().padStart(16, '0')),
  fc.nat().map(String),
  fc
    .string({ minLength: 1, maxLength: 40 })
    .filter((text) => Buffer.byteLength(text) < 120 && text.isWellFormed() && !text.startsWith('m.')),
);
const places = fc
  .array(
    fc.tuple(
      fc.uuid().map((id) => `project:${id}`),
      place,
    ),
    { minLength: 1, maxLength: 30 },
  )
  .map((entries) => new Map(entries));

describe('the cursor of a stream', () => {
  it('[SC2] gives back every place, whatever the order of the topics', () => {
    fc.assert(
      fc.property(places, (all) => {
        const read = readCursor(writeCursor(all), [...all.keys()].reverse());
        expect([...read].sort()).toEqual([...all].sort());
      }),
    );
  });

  it('[SC2] places no topic it was not written for', () => {
    fc.assert(
      fc.property(places, (all) => {
        expect(readCursor(writeCursor(all), ['user:x', 'user:y']).size).toBe(0);
      }),
    );
  });

  it('[SC2] of 200 topics is within the limit of the wire', () => {
    const all = new Map(Array.from({ length: 200 }, (_, n) => [`project:${n}`, '1764000000000000']));
    expect(writeCursor(all).length).toBeLessThanOrEqual(limits.streamCursorLength);
  });

  it('[SC3] is read from any text without a fault', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String().map((text) => `m.${text}`),
        ),
        (text) => {
          expect(readCursor(text, ['user:x', 'user:y']).size).toBeLessThanOrEqual(2);
        },
      ),
    );
  });
});
