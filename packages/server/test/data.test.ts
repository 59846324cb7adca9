// The embedded server with a data folder, killed while it is written to.
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuthToken, Blackboard, ClaimToken, Contribution, Project } from '@devmentor/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { Client, good, guest, Line, problem, type Reply } from './client.ts';
import { EventReader } from './event-reader.ts';
import { ServerProcess } from './process.ts';

/** How often the server is killed: `DEVMENTOR_KILLS=50 pnpm test packages/server/test/data.test.ts` for the long form. */
const KILLS = Number(process.env.DEVMENTOR_KILLS ?? 8);

const running: ServerProcess[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'devmentor-data-'));
  folders.push(made);
  return made;
}

async function start(dir: string): Promise<ServerProcess> {
  const server = await ServerProcess.listening(['--demo', '--data', dir]);
  running.push(server);
  return server;
}

/** A session whose every acknowledged refresh is remembered, with the key of the one under way. */
interface Family {
  token: AuthToken;
  tries: number;
  /** Used and answered: must never be taken again. */
  used: string | undefined;
}

interface Acknowledged {
  readonly users: Map<string, string>;
  readonly projects: Map<string, { readonly owner: Client; readonly name: string }>;
  readonly contributions: Map<string, Contribution>;
  readonly families: Family[];
}

describe('a server with a data folder', () => {
  it(
    `[DD1] killed ${KILLS} times under write load, it has every user, project, contribution and session it acknowledged`,
    async () => {
      const dir = folder();
      const kept: Acknowledged = { users: new Map(), projects: new Map(), contributions: new Map(), families: [] };
      let server = await start(dir);
      const ada = await guest(server.url, 'Ada');
      const board = good(
        await ada.client.post<Blackboard>('ai/blackboards', { problem: { title: 'Load', description: '' } }),
      );
      for (let n = 0; n < 4; n += 1)
        kept.families.push({
          token: good(await new Client(server.url).post<AuthToken>('auth/guest', {})),
          tries: 0,
          used: undefined,
        });

      for (let round = 0; round < KILLS; round += 1) {
        const before = kept.projects.size + kept.contributions.size;
        const { url } = server;
        const client = ada.client.at(url);
        // Whatever is under way when the server dies was not acknowledged.
        const load = [
          untilItDies(async (n) => {
            const name = `P${round}-${n}`;
            const project = good(await client.post<Project>('projects', { name }));
            kept.projects.set(project.id, { owner: ada.client, name });
          }),
          untilItDies(async (n) => {
            const knowledge = { level: 'finding', value: { round, n } };
            const made = good(
              await client.post<Contribution>(`ai/blackboards/${board.id}/contributions`, { knowledge }),
            );
            kept.contributions.set(made.id, made);
          }),
          untilItDies(async (n) => {
            const username = `user-${round}-${n}`;
            good(await new Client(url).post('auth/register', { username, password: 'password' }));
            kept.users.set(username, 'password');
          }),
          ...kept.families.map((family) => untilItDies(() => rotate(family, url))),
        ];
        await elapse(150 + randomInt(300));
        server.kill('SIGKILL');
        await server.ended;
        await Promise.all(load);
        expect(kept.projects.size + kept.contributions.size).toBeGreaterThan(before);
        server = await start(dir);
        // The key is in the folder too: yesterday's tokens are good.
        for (const family of kept.families) {
          await rotate(family, server.url);
          const me = new Client(server.url, family.token.accessToken);
          expect((await me.ask('projects')).status).toBe(200);
        }
      }
      await expectAll(kept, server.url, board.id);
    },
    60_000 + KILLS * 10_000,
  );

  it('[SE2] a refresh token that was used before the kill ends its session after it', async () => {
    const dir = folder();
    const first = await start(dir);
    const token = good(await new Client(first.url).post<AuthToken>('auth/guest', {}));
    const next = good(
      await new Client(first.url).post<AuthToken>('auth/refresh', { refreshToken: token.refreshToken }),
    );
    first.kill('SIGKILL');
    await first.ended;
    const second = await start(dir);
    const refresh = (refreshToken: string) => new Client(second.url).post('auth/refresh', { refreshToken });
    expect(problem(await refresh(token.refreshToken)).code).toBe('INVALID_CREDENTIALS');
    expect(problem(await refresh(next.refreshToken)).code).toBe('INVALID_CREDENTIALS');
    expect((await new Client(second.url, next.accessToken).ask('projects')).status).toBe(401);
  }, 60_000);

  it('[DD2] claims end with the process; the next grant has a greater fence, and is told of', async () => {
    const dir = folder();
    const first = await start(dir);
    const [ada, bob] = [await guest(first.url, 'Ada'), await guest(first.url, 'Bob')];
    const before = await ada.client.claimed('123', { ttlMs: 600_000 });
    first.kill('SIGKILL');
    await first.ended;
    const second = await start(dir);
    const line = await Line.open(second.url, ada.client.token);
    await line.next('welcome');
    await line.subscribe('project:123');
    const after = good(await bob.client.at(second.url).claim('123')) as ClaimToken;
    expect(after.fencingToken > before.fencingToken).toBe(true);
    expect((await line.event('project.claimed')).data).toMatchObject({ fencingToken: after.fencingToken });
    const stale = await ada.client
      .at(second.url)
      .patch('123', { name: 'late' }, { 'if-match': '*', 'x-claim-token': before.claimToken });
    expect(stale.status).toBeGreaterThanOrEqual(409);
    line.close();
  }, 60_000);

  it('[ES1] a stream goes on from its last id after the kill: nothing missed, nothing twice', async () => {
    const dir = folder();
    let server = await start(dir);
    const ada = await guest(server.url, 'Ada');
    const [one, two] = [await ada.client.project(), await ada.client.project()];
    const query = `?topics=project:${one.id},project:${two.id}`;
    const seen: string[] = [];
    let lastEventId: string | undefined;
    for (let round = 0; round < 3; round += 1) {
      const reader = await EventReader.open(server.url, { token: ada.client.token, lastEventId, query });
      await reader.until('welcome');
      for (const { id } of [one, two])
        good(await ada.client.at(server.url).patch(id, { data: { round, heard: true } }, { 'if-match': '*' }));
      for (let n = 0; n < (round === 0 ? 2 : 4); n += 1) {
        const { topic, data } = await reader.event();
        seen.push(`${topic} ${(data as { version: number }).version}`);
      }
      ({ lastEventId } = reader);
      reader.break();
      // Written while nobody reads, and acknowledged.
      for (const { id } of [one, two])
        good(await ada.client.at(server.url).patch(id, { data: { round, heard: false } }, { 'if-match': '*' }));
      server.kill('SIGKILL');
      await server.ended;
      server = await start(dir);
    }
    const versions = [2, 3, 4, 5, 6];
    expect([...seen].sort()).toEqual([one, two].flatMap(({ id }) => versions.map((n) => `project:${id} ${n}`)).sort());
  }, 60_000);

  it('[DD3] a second process on the same folder exits 78 and names the first', async () => {
    const dir = folder();
    const first = await start(dir);
    const second = new ServerProcess(['--data', dir, '--port', '0', '--log-level', 'silent']);
    const { code, stderr, stdout } = await second.ended;
    expect([code, stdout]).toEqual([78, '']);
    expect(stderr).toContain(`process ${first.pid}`);
    expect((await new Client(first.url).ask('/health/ready')).body).toMatchObject({ backends: { sqlite: 'up' } });
  }, 60_000);

  it('[DD4] ended in order it lets the folder go, and the next one says where everything is', async () => {
    const dir = folder();
    const first = await start(dir);
    const ada = await guest(first.url, 'Ada');
    const project = await ada.client.project({ name: 'Kept', data: { n: 1 } });
    expect((await first.stop()).code).toBe(0);
    const second = new ServerProcess(['--data', dir, '--port', '0', '--log-level', 'info', '--demo']);
    running.push(second);
    await expect.poll(() => second.stdout, { timeout: 20_000 }).toMatch(/^listening http\S+\n$/);
    // Beside the other stream, and as a rule before it.
    await expect.poll(() => second.stderr).toContain(dir);
    const url = second.stdout.trim().replace('listening ', '');
    expect(good(await ada.client.at(url).ask(`projects/${project.id}`))).toMatchObject({
      name: 'Kept',
      data: { n: 1 },
    });
  }, 60_000);
});

/** One after the other until the server is gone; what it refuses is a failure of the test. */
async function untilItDies(write: (n: number) => Promise<void>): Promise<void> {
  for (let n = 0; ; n += 1) {
    try {
      await write(n);
    } catch (error) {
      // fetch says so when there is no server to answer.
      if (error instanceof TypeError || (error instanceof Error && error.name === 'SyntaxError')) return;
      throw error;
    }
  }
}

/** Refreshes once. A try whose answer was lost is the same request again, under its key. */
async function rotate(family: Family, url: string): Promise<void> {
  const { refreshToken } = family.token;
  const key = { 'idempotency-key': `try-${family.tries}` };
  const reply: Reply<AuthToken> = await new Client(url).post<AuthToken>('auth/refresh', { refreshToken }, key);
  family.token = good(reply);
  family.used = refreshToken;
  family.tries += 1;
}

async function expectAll(kept: Acknowledged, url: string, boardId: string): Promise<void> {
  for (const [id, { owner, name }] of kept.projects)
    expect(good(await owner.at(url).ask(`projects/${id}`))).toMatchObject({ id, name });
  const [owner] = [...kept.projects.values()].map((project) => project.owner.at(url));
  const stored = new Map<string, Contribution>();
  for (let query = '?limit=100'; ; ) {
    const page = good(
      await (owner as Client).ask<{ items: Contribution[]; nextCursor?: string }>(
        `ai/blackboards/${boardId}/contributions${query}`,
      ),
    );
    for (const item of page.items) stored.set(item.id, item);
    if (page.nextCursor === undefined) break;
    query = `?limit=100&after=${page.nextCursor}`;
  }
  for (const [id, made] of kept.contributions) expect(stored.get(id)).toEqual(made);
  for (const [username, password] of kept.users)
    expect((await new Client(url).post('auth/login', { username, password })).status).toBe(200);
  expect(kept.users.size).toBeGreaterThan(0);
  for (const family of kept.families) {
    expect(family.tries).toBeGreaterThan(KILLS);
    // Used, answered, and its successor used: whoever comes with it again is somebody else.
    const used = { refreshToken: family.used };
    await rotate(family, url);
    expect(problem(await new Client(url).post('auth/refresh', used)).code).toBe('INVALID_CREDENTIALS');
  }
}

/** The load has to run for a while, on a real server. */
function elapse(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
