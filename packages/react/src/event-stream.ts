// Server-sent events over fetch: a browser's own EventSource cannot send a bearer.
import type { StreamEvent } from './service-transport.ts';

/** An event larger than this is not one of ours. */
const longestEvent = 1_048_576;

/** Splits a `text/event-stream` body into its events. Comments are dropped. */
export async function* readEventStream(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      // A lone CR at the end may be the first half of a CRLF.
      const complete = rest.endsWith('\r') ? rest.slice(0, -1) : rest;
      const blocks = complete.replace(/\r\n?/g, '\n').split('\n\n');
      rest = (blocks.pop() ?? '') + (rest.endsWith('\r') ? '\r' : '');
      if (rest.length > longestEvent) throw new RangeError('An event of the stream is too long');
      for (const block of blocks) {
        const event = readEvent(block);
        if (event !== undefined) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function readEvent(block: string): StreamEvent | undefined {
  let event = 'message';
  let id: string | undefined;
  let retryMs: number | undefined;
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id') id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  }
  if (data.length === 0 && id === undefined && retryMs === undefined) return undefined;
  return { event, data: data.join('\n'), id, retryMs };
}
