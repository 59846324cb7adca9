import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEventStream } from '../src/event-stream.ts';

async function read(text: string, cuts: readonly number[] = []) {
  const bytes = new TextEncoder().encode(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let i = 1; i < places.length; i++) controller.enqueue(bytes.slice(places[i - 1], places[i]));
      controller.close();
    },
  });
  const events = [];
  for await (const event of readEventStream(body)) events.push(event);
  return events;
}

const stream = ': hello\n\nid: 1\nevent: a\ndata: {"x":"ä"}\n\ndata: two\r\ndata: lines\r\n\r\nretry: 500\nid: 2\n\n';

describe('server-sent events', () => {
  it('[E1] events are read with their id, name and data; comments are not events', async () => {
    expect(await read(stream)).toEqual([
      { event: 'a', data: '{"x":"ä"}', id: '1', retryMs: undefined },
      { event: 'message', data: 'two\nlines', id: undefined, retryMs: undefined },
      { event: 'message', data: '', id: '2', retryMs: 500 },
    ]);
  });

  it('[E1] it does not matter where the network cuts the stream', async () => {
    const whole = await read(stream);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 8 }), async (cuts) => {
        expect(await read(stream, cuts)).toEqual(whole);
      }),
    );
  });

  it('[E2] an event without end is refused', async () => {
    await expect(read(`data: ${'x'.repeat(1_100_000)}`)).rejects.toThrow(RangeError);
  });
});
