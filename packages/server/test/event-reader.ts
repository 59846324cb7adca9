// A reader of server-sent events for the tests: fetch, and no code of the server's or the client's.
import type { WireEvent } from '@devmentor/contracts';

export interface Message {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Less than a test may take: else nobody would hear of it. */
const PATIENCE_MS = 15_000;

export class EventReader {
  readonly #response: Response;
  readonly #stop: AbortController;
  readonly #messages: AsyncGenerator<Message>;
  /** As a browser keeps it: what it would come back with. */
  lastEventId: string | undefined;
  readonly comments: string[] = [];

  constructor(response: Response, stop: AbortController, lastEventId: string | undefined) {
    this.#response = response;
    this.#stop = stop;
    this.lastEventId = lastEventId;
    this.#messages = this.#read();
  }

  static async open(
    url: string,
    {
      token,
      lastEventId,
      query = '',
    }: { readonly token?: string | undefined; readonly lastEventId?: string | undefined; readonly query?: string },
  ): Promise<EventReader> {
    const stop = new AbortController();
    const response = await fetch(`${url}/api/events${query}`, {
      headers: {
        accept: 'text/event-stream',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      },
      signal: stop.signal,
    });
    if (response.status !== 200) throw new Error(`answered ${response.status}: ${await response.text()}`);
    return new EventReader(response, stop, lastEventId);
  }

  get headers(): Headers {
    return this.#response.headers;
  }

  /** The next message; `end` when the server ended the stream or the line broke. A quarter of a minute without either is a fault. */
  async next(): Promise<Message | 'end'> {
    let patience: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      const place = `the stream of ${this.#response.url} is silent; its last id was ${this.lastEventId ?? 'none'}`;
      patience = setTimeout(() => reject(new Error(place)), PATIENCE_MS);
    });
    const next = this.#messages.next().then(
      ({ done, value }) => (done === true ? 'end' : value),
      () => 'end' as const,
    );
    try {
      return await Promise.race([next, silence]);
    } finally {
      clearTimeout(patience);
    }
  }

  /** Skips to the first message of this name. */
  async until(event: string): Promise<Message> {
    for (;;) {
      const message = await this.next();
      if (message === 'end') throw new Error(`the stream ended before ${event}`);
      if (message.event === event) return message;
    }
  }

  async event(): Promise<WireEvent> {
    return JSON.parse((await this.until('message')).data) as WireEvent;
  }

  /** Breaks the line, as a network does. */
  break(): void {
    this.#stop.abort();
  }

  async *#read(): AsyncGenerator<Message> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of this.#response.body ?? []) {
      rest += decoder.decode(chunk, { stream: true });
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = block.split('\n');
        for (const field of fields) if (field.startsWith(':')) this.comments.push(field);
        const fieldOf = (name: string) => fields.find((field) => field.startsWith(`${name}: `))?.slice(name.length + 2);
        const data = fieldOf('data');
        const id = fieldOf('id');
        if (id !== undefined) this.lastEventId = id;
        if (data !== undefined) yield { event: fieldOf('event') ?? 'message', id, data };
      }
    }
  }
}
