import { SimulatedClock } from '@devmentor/locks/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answersTo, decodeFrame, encodeFrame, inboxOf, MAX_FRAME_ITEMS } from '../src/frame.ts';
import { FrameQueue } from '../src/frame-queue.ts';
import { Requests } from '../src/requests.ts';

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));

describe('frame', () => {
  it('[FR1] what is encoded is decoded as it was', () => {
    const items = fc.array(fc.record({ id: fc.nat({ max: 2 ** 32 - 1 }), body: bytes }), { maxLength: 10 });
    fc.assert(
      fc.property(items, (given) => {
        expect(decodeFrame(encodeFrame(given))).toEqual(given);
      }),
    );
  });

  it('[FR1] bytes that are no frame are told apart and never throw', () => {
    let whole = 0;
    fc.assert(
      fc.property(bytes, fc.nat({ max: 60 }), fc.nat({ max: 255 }), (body, at, value) => {
        const frame = encodeFrame([
          { id: 1, body },
          { id: 2, body },
        ]);
        expect(decodeFrame(body)?.length ?? 0).toBeLessThanOrEqual(5);
        for (let length = 0; length < frame.length; length++) {
          const cut = decodeFrame(frame.subarray(0, length));
          // Cut between two items, a frame is still one; elsewhere it is none.
          if (cut !== undefined) whole += 1;
          expect(cut === undefined || cut.length < 2).toBe(true);
        }
        if (at < frame.length) frame[at] = value;
        decodeFrame(frame);
      }),
    );
    expect(whole).toBeGreaterThan(0);
  });

  it('[FR2] the reply subject of a frame names its ids, and that of a stranger is not answered', () => {
    const inbox = inboxOf('n0-_');
    const reply = inbox.replyFor(7, 3);
    expect(inbox.asked(reply)).toEqual({ firstId: 7, count: 3 });
    expect(answersTo(reply)).toBe(inbox.answers);
    expect(inbox.asked(inbox.replyFor(7, MAX_FRAME_ITEMS + 1))).toBeUndefined();
    for (const stranger of [
      undefined,
      '',
      'a',
      'a.b.1.2',
      '_INBOX.a.b',
      '_INBOX.a b.1.2',
      '_INBOX.*.1.2',
      '_INBOX.a.1.2.3',
      '_INBOX.a.x.2',
    ]) {
      expect(answersTo(stranger)).toBeUndefined();
    }
  });
});

describe('frame queue', () => {
  it('[FR2] whatever is sent in whatever ticks leaves once, in order per subject, in frames within their bounds', async () => {
    const message = fc.record({
      kind: fc.constantFrom('publish', 'ask', 'tick' as const),
      subject: fc.constantFrom('a', 'b'),
      size: fc.constantFrom(0, 5, 60_000, 200_000),
    });
    let batched = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 150, size: 'max' }), async (messages) => {
        const clock = new SimulatedClock();
        const requests = new Requests(clock);
        const left = new Map<string, number[]>();
        const queue = new FrameQueue(clock, requests, (subject, frame, ids) => {
          const items = decodeFrame(frame) ?? [];
          expect(items.length).toBeGreaterThan(0);
          expect(items.length).toBeLessThanOrEqual(MAX_FRAME_ITEMS);
          expect(items.length === 1 || frame.length <= 256 * 1024).toBe(true);
          const asked = items.filter(({ id }) => id !== 0).map(({ id }) => id);
          expect(asked).toEqual(Array.from({ length: ids?.count ?? 0 }, (_, i) => (ids?.first ?? 0) + i));
          if (items.length > 1) batched += 1;
          left.set(subject, [...(left.get(subject) ?? []), ...items.map(({ body }) => body.readUInt32BE(0))]);
        });
        const sent = new Map<string, number[]>();
        for (const [n, { kind, subject, size }] of messages.entries()) {
          if (kind === 'tick') {
            await clock.advance(0);
            continue;
          }
          const body = Buffer.alloc(4 + size);
          body.writeUInt32BE(n);
          sent.set(subject, [...(sent.get(subject) ?? []), n]);
          if (kind === 'publish') queue.publish(subject, body);
          else void requests.open({ timeoutMs: 1_000 }, (pending) => queue.ask(subject, body, pending));
        }
        await clock.advance(0);
        expect([...left].sort()).toEqual([...sent].sort());
      }),
      { numRuns: 60 },
    );
    expect(batched).toBeGreaterThan(0);
  });

  it('[FR3] answers go to each asker by itself, each under the id it answers', async () => {
    const clock = new SimulatedClock();
    const left: [string, number, string][] = [];
    const queue = new FrameQueue(clock, new Requests(clock), (subject, frame, ids) => {
      expect(ids).toBeUndefined();
      for (const { id, body } of decodeFrame(frame) ?? []) left.push([subject, id, body.toString()]);
    });
    const [a, b] = [inboxOf('a'), inboxOf('b')];
    for (const [inbox, id] of [
      [a, 7],
      [b, 7],
      [a, 8],
      [b, 3],
      [a, 9],
    ] as const)
      queue.answer(answersTo(inbox.replyFor(id, 1)) ?? '', id, Buffer.from(`${id}`));
    await clock.advance(0);
    const of = (inbox: typeof a) =>
      left.filter(([subject]) => subject === inbox.answers).map(([, id, body]) => [id, body]);
    expect(of(a)).toEqual([
      [7, '7'],
      [8, '8'],
      [9, '9'],
    ]);
    expect(of(b)).toEqual([
      [7, '7'],
      [3, '3'],
    ]);
    expect(left).toHaveLength(5);
    for (const inbox of [a, b]) expect(inbox.answers.startsWith(inbox.all.slice(0, -1))).toBe(true);
  });

  it('[FR2] a quiet link sends as soon as the code pauses, and what was aborted before it left is not asked', async () => {
    const clock = new SimulatedClock();
    const requests = new Requests(clock);
    const left: string[] = [];
    const queue = new FrameQueue(
      clock,
      requests,
      (_subject, frame) => void left.push(...(decodeFrame(frame) ?? []).map(({ body }) => body.toString())),
    );
    queue.publish('a', Buffer.from('first'));
    await Promise.resolve();
    expect(left).toEqual(['first']);
    const stop = new AbortController();
    const asked = requests.open({ timeoutMs: 1_000, signal: stop.signal }, (pending) =>
      queue.ask('a', Buffer.from('aborted'), pending),
    );
    queue.publish('a', Buffer.from('second'));
    stop.abort(new Error('stop'));
    await expect(asked).rejects.toThrow('stop');
    await clock.advance(0);
    expect(left).toEqual(['first', 'second']);
  });
});
