import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { eventSchema, ticketSchema } from '@devmentor/contracts';
import { SimulatedClock } from '@devmentor/locks/testing';
import { createRuntime, type Json, MemoryLogStore } from '@devmentor/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../src/auth/access-tokens.ts';
import { createServer, type Server } from '../src/index.ts';
import { EventStream } from '../src/live/event-stream.ts';
import { TopicAccess } from '../src/live/topic-access.ts';
import { TopicFeed } from '../src/live/topic-feed.ts';
import { eventually, good, guest, problem, type SignedIn } from './client.ts';
import { EventReader } from './event-reader.ts';

let server: Server;
let ada: SignedIn;

beforeAll(async () => {
  server = await createServer({ demo: true });
  ada = await guest(server.url, 'Ada');
});
afterAll(() => server.close());

const open = (query = '', lastEventId?: string, user = ada) =>
  EventReader.open(server.url, { token: user.client.token, lastEventId, query });
const write = async (user: SignedIn, id: string, n: number): Promise<void> => {
  good(await user.client.patch(id, { data: { n } }, { 'if-match': '*' }));
};

describe('an event stream', () => {
  it('[ES1] begins with where it stands, and tells what happens from there', async () => {
    const { id } = await ada.client.project();
    const reader = await open(`?topics=project:${id}`);
    expect(reader.headers.get('content-type')).toContain('text/event-stream');
    expect(reader.headers.get('cache-control')).toBe('no-store');
    expect(JSON.parse((await reader.until('welcome')).data)).toEqual({ topics: [`project:${id}`] });
    await write(ada, id, 1);
    const event = eventSchema.parse(await reader.event());
    expect(event).toMatchObject({ topic: `project:${id}`, type: 'project.updated', data: { version: 2 } });
    reader.break();
  });

  it('[SC1] of one topic the id is the event’s own cursor, good for both transports', async () => {
    const { id } = await ada.client.project();
    const reader = await open(`?topics=project:${id}`);
    await reader.until('welcome');
    await write(ada, id, 1);
    const event = await reader.event();
    expect(reader.lastEventId).toBe(event.seq);
    await write(ada, id, 2);
    reader.break();
    const again = await open(`?topics=project:${id}&cursor=${event.seq}`);
    expect(await again.event()).toMatchObject({ prev: event.seq, data: { version: 3 } });
    again.break();
  });

  it('[ES2] the id of the welcome is enough to miss nothing, though no event came', async () => {
    const [one, two] = [await ada.client.project(), await ada.client.project()];
    const query = `?topics=project:${one.id},project:${two.id}`;
    const reader = await open(query);
    await reader.until('welcome');
    reader.break();
    await write(ada, one.id, 1);
    await write(ada, two.id, 1);
    const again = await open(query, reader.lastEventId);
    const topics = [(await again.event()).topic, (await again.event()).topic];
    expect(topics.sort()).toEqual([`project:${one.id}`, `project:${two.id}`].sort());
    again.break();
  });

  it('[ES5] without topics it is one’s own and every project of one’s, also those that come', async () => {
    const user = await guest(server.url);
    const { id } = await user.client.project();
    const reader = await open('', undefined, user);
    const { topics } = JSON.parse((await reader.until('welcome')).data) as { topics: string[] };
    expect(topics.sort()).toEqual([`project:${id}`, 'project:123', `user:${user.userId}`].sort());
    const later = await user.client.project();
    expect(JSON.parse((await reader.until('resync')).data)).toMatchObject({ topic: `project:${later.id}` });
    await write(user, later.id, 1);
    expect(await reader.event()).toMatchObject({ topic: `project:${later.id}`, type: 'project.updated' });
    reader.break();
  });

  it('[SC3] a cursor that is none of ours, and one that is too old, resync the topic', async () => {
    const { id } = await ada.client.project();
    for (const [n, cursor] of ['nonsense', 'm.AAAA', '0000000000000001'].entries()) {
      const reader = await open(`?topics=project:${id}`, cursor);
      expect(JSON.parse((await reader.until('resync')).data)).toMatchObject({ topic: `project:${id}` });
      await write(ada, id, n);
      expect(await reader.event()).toMatchObject({ type: 'project.updated' });
      reader.break();
    }
  });

  it('[ES6] topics of others, unknown ones and strangers are refused as any request is', async () => {
    const bob = await guest(server.url, 'Bob');
    const { id } = await ada.client.project();
    const refused = async (query: string) => problem(await bob.client.ask(`/api/events${query}`)).code;
    expect(await refused(`?topics=project:${id}`)).toBe('NOT_FOUND');
    expect(await refused(`?topics=user:${ada.userId}`)).toBe('FORBIDDEN');
    expect(await refused('?topics=')).toBe('VALIDATION_FAILED');
    expect(await refused('?topic=x')).toBe('VALIDATION_FAILED');
    expect(
      problem(await bob.client.at(server.url).ask('/api/events', { headers: { authorization: 'Bearer x' } })).code,
    ).toBe('UNAUTHENTICATED');
  });

  it('[ES7] a member who is removed hears no more, and is told', async () => {
    const bob = await guest(server.url, 'Bob');
    const { id } = await ada.client.project();
    const member = `projects/${id}/collaborators/${bob.userId}`;
    good(await ada.client.ask(member, { method: 'PUT' }));
    const reader = await open(`?topics=project:${id}`, undefined, bob);
    await reader.until('welcome');
    good(await ada.client.ask(member, { method: 'DELETE' }));
    expect(JSON.parse((await reader.until('unsubscribed')).data)).toEqual({
      topic: `project:${id}`,
      reason: 'forbidden',
    });
    reader.break();
  });

  it('[TK2] a ticket opens one stream, for an EventSource that can send no header', async () => {
    const { ticket } = ticketSchema.parse(good(await ada.client.post('auth/tickets')));
    const query = `?topics=project:123&ticket=${ticket}`;
    const reader = await EventReader.open(server.url, { query });
    await reader.until('welcome');
    reader.break();
    await expect(EventReader.open(server.url, { query })).rejects.toThrow('401');
  });

  it('[ES4] a revoked token ends it at once, with the reason', async () => {
    const user = await guest(server.url);
    const reader = await open('', undefined, user);
    await reader.until('welcome');
    await user.client.post('auth/revoke', { token: user.client.token });
    expect(JSON.parse((await reader.until('problem')).data)).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await reader.next()).toBe('end');
    await eventually(() => server.openStreams).toBe(0);
  });

  it('[ES8] a server that leaves says when to come back, and ends it', async () => {
    const other = await createServer({ demo: true });
    const user = await guest(other.url);
    const reader = await EventReader.open(other.url, { token: user.client.token });
    await reader.until('welcome');
    const closing = other.close();
    expect(JSON.parse((await reader.until('going-away')).data)).toEqual({ reconnectAfterMs: expect.any(Number) });
    expect(await reader.next()).toBe('end');
    await closing;
  });

  it('[ES1] a reader whose line breaks fifty times under load misses no event and gets none twice', async () => {
    const user = await guest(server.url);
    const projects = await Promise.all(Array.from({ length: 3 }, () => user.client.project()));
    const written = new Map(projects.map(({ id }) => [id, 1]));
    let writing = true;
    const writers = projects.map(async ({ id }) => {
      for (let n = 1; writing; n += 1) {
        await write(user, id, n);
        written.set(id, n + 1);
      }
    });
    const seen = new Map<string, number[]>(projects.map(({ id }) => [id, []]));
    let lastEventId: string | undefined;
    let resyncs = 0;
    const take = async (until: (count: number) => boolean): Promise<void> => {
      const reader = await open('', lastEventId, user);
      for (let count = 0; !until(count); count += 1) {
        const message = await reader.next();
        if (message === 'end') throw new Error('ended');
        if (message.event === 'resync') resyncs += 1;
        if (message.event !== 'message') continue;
        const { data } = JSON.parse(message.data) as { data: { projectId: string; version: number } };
        seen.get(data.projectId)?.push(data.version);
      }
      lastEventId = reader.lastEventId;
      reader.break();
    };
    const all = () => projects.every(({ id }) => seen.get(id)?.at(-1) === written.get(id));
    try {
      for (let round = 0; round < 50; round += 1) await take((count) => count > round % 7);
    } finally {
      writing = false;
      await Promise.all(writers);
    }
    if (!all()) await take(all);
    expect(resyncs).toBe(0);
    for (const versions of seen.values()) {
      const [first = 0] = versions;
      expect(versions.length).toBeGreaterThan(10);
      expect(versions).toEqual(Array.from({ length: versions.length }, (_, n) => first + n));
    }
  }, 60_000);
});

describe('an event stream by the clock', () => {
  const TOPIC = 'project:p';

  /** A stream of one topic whose events are appended by hand, behind a real HTTP server. */
  async function serve(caller: Caller) {
    const clock = new SimulatedClock();
    const log = new MemoryLogStore({ clock });
    const feed = new TopicFeed({ log, hints: { listen: async () => () => {} }, clock });
    const expectVisible = async (): Promise<void> => {};
    const access = new TopicAccess({
      runtime: createRuntime({ actors: [] }),
      expectVisible,
      boards: { expectReadable: async () => ({ createdAtMs: 0 }) },
    });
    let [opens, cuts] = [0, 0];
    const http = createHttpServer((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.once('close', () => {
        cuts += 1;
      });
      const cursor = request.headers['last-event-id'] as string | undefined;
      const asked = { id: 'r', caller, topics: [TOPIC], cursor, retryMs: 1 };
      const stream = new EventStream(response, asked, {
        feed,
        access,
        clock,
        isGood: async () => true,
        onFault: () => {},
      });
      void stream.run().then(() => {
        opens += 1;
      });
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    const open = async (lastEventId?: string) => {
      const reader = await EventReader.open(`http://127.0.0.1:${port}`, { lastEventId });
      await reader.until('welcome');
      return reader;
    };
    const append = async (data: Json): Promise<void> => {
      await log.append(TOPIC, [{ type: 'project.updated', data }]);
      await clock.advance(1_000);
      await setImmediate();
    };
    return { clock, append, open, port, opens: () => opens, cuts: () => cuts, close: () => http.close() };
  }

  const caller = (expiresAtMs: number): Caller => ({
    userId: 'ada',
    displayName: 'Ada',
    kind: 'account',
    sessionId: 's',
    tokenId: 't',
    expiresAtMs,
  });

  it('[ES9] a comment every fifteen seconds keeps it open', async () => {
    const { clock, append, open, close } = await serve(caller(new SimulatedClock().wallMs() + 3_600_000));
    const reader = await open();
    for (let n = 0; n < 3; n += 1) await clock.advance(15_000);
    await append({ n: 1 });
    await reader.event();
    expect(reader.comments).toEqual([':', ':', ':']);
    reader.break();
    close();
  });

  it('[ES4] its token’s end is announced a minute ahead; half a minute after it, the stream ends', async () => {
    const { clock, open, close } = await serve(caller(new SimulatedClock().wallMs() + 600_000));
    const reader = await open();
    await clock.advance(540_000);
    expect(JSON.parse((await reader.until('auth.expiring')).data)).toEqual({ inMs: 60_000 });
    await clock.advance(90_000);
    expect(JSON.parse((await reader.until('problem')).data)).toMatchObject({ code: 'TOKEN_EXPIRED' });
    expect(await reader.next()).toBe('end');
    close();
  });

  it('[ES3] a reader that stops reading is cut off, and goes on from its last id without a gap', async () => {
    const { append, open, port, opens, cuts, close } = await serve(caller(Number.MAX_SAFE_INTEGER));
    const first = await open();
    const { lastEventId } = first;
    first.break();
    await eventually(cuts).toBe(1);
    const stuck = connect(port, '127.0.0.1');
    stuck.on('error', () => {});
    stuck.write(`GET / HTTP/1.1\r\nhost: x\r\nlast-event-id: ${lastEventId}\r\n\r\n`);
    stuck.pause();
    await eventually(opens).toBe(2);
    let written = 0;
    const padding = 'x'.repeat(100_000);
    while (cuts() === 1) {
      written += 1;
      await append({ n: written, padding });
      expect(written).toBeLessThan(500);
    }
    expect(written).toBeGreaterThan(10);
    stuck.destroy();
    // Of an hour's history a reader is told to fetch anew; of a moment's, every event.
    const reader = await open(lastEventId);
    expect(JSON.parse((await reader.until('resync')).data)).toMatchObject({ topic: TOPIC });
    await append({ n: written + 1 });
    expect(await reader.event()).toMatchObject({ data: { n: written + 1 } });
    reader.break();
    close();
  });
});
