import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TopicCursor } from '../src/topic-cursor.ts';

const event = (n: number) => ({ seq: `c${n}`, prev: n === 1 ? null : `c${n - 1}` });

describe('TopicCursor', () => {
  it('[T1] an event that comes again is seen, not next', () => {
    const cursor = new TopicCursor();
    cursor.moveTo(null);
    expect([event(1), event(2), event(1), event(2), event(3)].map((e) => cursor.take(e))).toEqual([
      'next',
      'next',
      'seen',
      'seen',
      'next',
    ]);
  });

  it('[T2] an event behind a missing one is a gap until the missing one came', () => {
    const cursor = new TopicCursor();
    cursor.moveTo('c4');
    expect(cursor.take(event(6))).toBe('gap');
    expect(cursor.take(event(5))).toBe('next');
    expect(cursor.take(event(6))).toBe('next');
    expect(cursor.resumeFrom).toBe('c6');
  });

  it('[T1] [T2] of any shuffled delivery exactly the unbroken run is taken, once and in order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 120 }), (deliveries) => {
        const cursor = new TopicCursor();
        cursor.moveTo(null);
        const taken = deliveries.filter((n) => cursor.take(event(n)) === 'next');
        expect(taken).toEqual(Array.from({ length: taken.length }, (_, i) => i + 1));
      }),
    );
  });
});
