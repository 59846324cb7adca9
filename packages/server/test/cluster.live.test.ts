// Sessions and event streams over two servers on real Redis and NATS.
import type { AuthToken, Blackboard, Contribution, Project, Solution } from '@devmentor/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startNats, startRedis } from '../../../test/backends.ts';
import { Client, good, guest, Line, problem } from './client.ts';
import { EventReader } from './event-reader.ts';
import { ServerProcess } from './process.ts';

let redis: Backend;
let nats: Backend;
const running: ServerProcess[] = [];

beforeAll(async () => {
  [redis, nats] = await Promise.all([startRedis(), startNats()]);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});
afterAll(async () => {
  await Promise.all([redis.stop(), nats.stop()]);
});

let namespaces = 0;

const start = async (namespace: string): Promise<ServerProcess> => {
  const args = ['--demo', '--redis', redis.url, '--nats', nats.url, '--namespace', namespace];
  const server = await ServerProcess.listening(args);
  running.push(server);
  return server;
};

async function pair(): Promise<[ServerProcess, ServerProcess, string]> {
  namespaces += 1;
  const namespace = `live-${namespaces}`;
  const [one, two] = await Promise.all([start(namespace), start(namespace)]);
  return [one, two, namespace];
}

const arrive = async (url: string): Promise<AuthToken> => good(await new Client(url).post<AuthToken>('auth/guest', {}));

/** Opened, and trusted by the server it is on. */
async function opened(url: string, token: string): Promise<Line> {
  const line = await Line.open(url, token);
  await line.next('welcome');
  return line;
}

describe('two servers', () => {
  it('[RV1] a revoked token stops on both within a second, on requests, sockets and streams', async () => {
    const [one, two] = await pair();
    for (const revoke of ['access', 'refresh', 'session'] as const) {
      const token = await arrive(one.url);
      const servers = [one.url, two.url];
      const lines = await Promise.all(servers.map((url) => opened(url, token.accessToken)));
      const streams = await Promise.all(servers.map((url) => EventReader.open(url, { token: token.accessToken })));
      await Promise.all(streams.map((stream) => stream.until('welcome')));
      const me = new Client(one.url, token.accessToken);
      expect((await me.at(two.url).ask('projects')).status).toBe(200);

      const from = performance.now();
      const reply =
        revoke === 'session'
          ? await me.ask(`auth/sessions/${token.session.id}`, { method: 'DELETE' })
          : await me.post('auth/revoke', { token: revoke === 'access' ? token.accessToken : token.refreshToken });
      expect(reply.status).toBe(204);
      // At once where it was asked.
      expect(problem(await me.ask('projects')).code).toBe('UNAUTHENTICATED');
      expect(await Promise.all(lines.map(({ closed }) => closed))).toEqual([4401, 4401]);
      await Promise.all(streams.map((stream) => stream.until('problem')));
      expect(problem(await me.at(two.url).ask('projects')).code).toBe('UNAUTHENTICATED');
      expect(performance.now() - from).toBeLessThan(1_000);
    }
  }, 60_000);

  it('[RV1] with NATS gone it still stops on both within a second', async () => {
    const own = await startNats();
    namespaces += 1;
    const args = ['--demo', '--redis', redis.url, '--nats', own.url, '--namespace', `live-${namespaces}`];
    const [one, two] = (await Promise.all([ServerProcess.listening(args), ServerProcess.listening(args)])) as [
      ServerProcess,
      ServerProcess,
    ];
    running.push(one, two);
    const token = await arrive(one.url);
    const line = await opened(two.url, token.accessToken);
    await own.kill();
    const me = new Client(one.url, token.accessToken);
    expect((await me.post('auth/revoke', { token: token.accessToken })).status).toBe(204);
    const from = performance.now();
    expect(await line.closed).toBe(4401);
    expect(performance.now() - from).toBeLessThan(1_000);
    await own.stop();
  }, 60_000);

  it('[SE1] of uses of one refresh token at both at one instant at most one is answered, and the session ends on both', async () => {
    const [one, two] = await pair();
    const token = await arrive(one.url);
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        new Client(n % 2 === 0 ? one.url : two.url).post<AuthToken>('auth/refresh', {
          refreshToken: token.refreshToken,
        }),
      ),
    );
    const granted = replies.filter(({ status }) => status === 200);
    expect(granted.length).toBeLessThanOrEqual(1);
    for (const url of [one.url, two.url])
      for (const { accessToken } of [token, ...granted.map(({ body }) => body)])
        await expect
          .poll(async () => (await new Client(url, accessToken).ask('projects')).status, {
            timeout: 1_000,
            interval: 20,
          })
          .toBe(401);
  }, 60_000);

  it('[TK1] a ticket of one server opens a connection at the other, once', async () => {
    const [one, two] = await pair();
    const { client } = await guest(one.url);
    const { ticket } = good(await client.post<{ ticket: string }>('auth/tickets'));
    const reader = await EventReader.open(two.url, { query: `?ticket=${ticket}` });
    await reader.until('welcome');
    reader.break();
    await expect(EventReader.open(one.url, { query: `?ticket=${ticket}` })).rejects.toThrow('401');
  }, 60_000);

  it('[BB7] a board that one opened is contributed to and heard at the other, and solved when the one is killed', async () => {
    const [one, two] = await pair();
    const ada = await guest(one.url, 'Ada');
    const files = Array.from({ length: 40 }, (_, n) => ({
      path: `m${n}.ts`,
      content: `import { x${(n + 1) % 40} } from './m${(n + 1) % 40}.ts';\nexport const x${n} = 1;\n`,
    }));
    const board = good(
      await ada.client.post<Blackboard>('ai/blackboards', { problem: { title: 'A ring', description: '', files } }),
    );
    const there = ada.client.at(two.url);
    const query = `?topics=blackboard:${board.id}`;
    const reader = await EventReader.open(two.url, { token: ada.client.token, query, lastEventId: board.cursor });
    const said = { knowledge: { level: 'finding', value: { text: 'said at the other' } } };
    const made = good(await there.post<Contribution>(`ai/blackboards/${board.id}/contributions`, said));
    one.kill('SIGKILL');
    const heard: string[] = [];
    for (;;) {
      const event = await reader.event();
      heard.push(event.seq);
      if (event.type === 'blackboard.solved') break;
    }
    expect(new Set(heard).size).toBe(heard.length);
    expect(heard).toContain(made.cursor);
    const solution = good(await there.ask<Solution>(`ai/blackboards/${board.id}/solution`));
    const behind = solution.statements.flatMap(({ evidence = [] }) => evidence.map(({ file }) => file));
    expect(new Set(behind).size).toBe(40);
    reader.break();
  }, 120_000);

  it('[ES1] a reader that loses its line fifty times, and its server once by kill and once in order, misses nothing and gets nothing twice', async () => {
    let [one, two, namespace] = await pair();
    const ada = await guest(two.url, 'Ada');
    const projects = await Promise.all(Array.from({ length: 2 }, () => ada.client.project()));
    const query = `?topics=${projects.map(({ id }) => `project:${id}`).join(',')}`;
    const written = new Map(projects.map(({ id }) => [id, 1]));
    const seen = new Map<string, number[]>(projects.map(({ id }) => [id, []]));
    let writing = true;
    const writers = projects.map(async ({ id }) => {
      for (let n = 1; writing; n += 1) {
        // A try whose answer was lost is looked at before it is made again: the version is the truth.
        const target = ada.client.at(two.url);
        const known = await target.ask<Project>(`projects/${id}`);
        // Its shard is being taken over from the server that was killed.
        if (known.status !== 200) continue;
        const reply = await target.patch(id, { data: { n } }, { 'if-match': `"${known.body.version}"` });
        if (reply.status === 200) written.set(id, reply.body.version);
      }
    });
    let lastEventId: string | undefined;
    let resyncs = 0;
    const take = async (url: string, enough: (count: number) => boolean, opened = () => {}): Promise<void> => {
      const reader = await EventReader.open(url, { token: ada.client.token, lastEventId, query });
      opened();
      for (let count = 0; !enough(count); ) {
        const message = await reader.next();
        if (message === 'end') break;
        if (message.event === 'resync') resyncs += 1;
        if (message.event !== 'message') continue;
        const { data } = JSON.parse(message.data) as { data: { projectId: string; version: number } };
        seen.get(data.projectId)?.push(data.version);
        count += 1;
      }
      lastEventId = reader.lastEventId;
      reader.break();
    };
    const all = () => projects.every(({ id }) => seen.get(id)?.at(-1) === written.get(id));
    try {
      for (let round = 0; round < 50; round += 1) {
        if (round === 20 || round === 35) {
          const signal = round === 20 ? 'SIGKILL' : 'SIGTERM';
          await take(
            one.url,
            () => false,
            () => one.kill(signal),
          );
          await one.ended;
          one = await start(namespace);
        }
        await take(round % 2 === 0 ? one.url : two.url, (count) => count > round % 5);
      }
    } finally {
      writing = false;
      await Promise.all(writers);
    }
    // Of a write whose answer was lost nobody was told: what became of it, its project says.
    for (const { id } of projects)
      written.set(id, good(await ada.client.at(two.url).ask<Project>(`projects/${id}`)).version);
    if (!all()) await take(one.url, all);
    expect(resyncs).toBe(0);
    for (const versions of seen.values()) {
      const [first = 0] = versions;
      expect(versions.length).toBeGreaterThan(10);
      expect(versions).toEqual(Array.from({ length: versions.length }, (_, n) => first + n));
    }
  }, 120_000);
});
