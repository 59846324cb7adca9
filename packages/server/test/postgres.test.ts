// Servers whose records are in PostgreSQL, while claims and boards stay in Redis.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Backend, startNats, startRedis } from '../../../test/backends.ts';
import { startPostgres } from '../../../test/postgres.ts';
import { Client, eventually, good, guest, Line, problem } from './client.ts';
import { ServerProcess } from './process.ts';

let redis: Backend;
let nats: Backend;
let postgres: Backend;
const running: ServerProcess[] = [];

beforeAll(async () => {
  [redis, nats, postgres] = await Promise.all([startRedis(), startNats(), startPostgres()]);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});
afterAll(async () => {
  await Promise.all([redis.stop(), nats.stop(), postgres.stop()]);
});

function flags(namespace: string, database = postgres.url): string[] {
  return ['--demo', '--redis', redis.url, '--nats', nats.url, '--postgres', database, '--namespace', namespace];
}

async function start(namespace: string, ...args: string[]): Promise<ServerProcess> {
  const server = await ServerProcess.listening([...flags(namespace), ...args]);
  running.push(server);
  return server;
}

it('[DD4] claimed on one server and written over the other, a project is there after all have been killed; the start says what is where', async () => {
  const [one, two] = await Promise.all([start('lives', '--log-level', 'info'), start('lives')]);
  await eventually(() => one.stderr).toMatch(/kept in PostgreSQL, claims and boards in Redis/);
  const name = { username: 'ada', password: 'correct horse battery' };
  good(await new Client(one.url).post('auth/register', { ...name, displayName: 'Ada' }));
  const login = async ({ url }: ServerProcess): Promise<Client> =>
    new Client(url, good(await new Client(url).post<{ accessToken: string }>('auth/login', name)).accessToken);
  const ada = await login(one);
  const project = await ada.project({ name: 'Press' });
  const line = await Line.open(two.url, (await login(two)).token);
  await line.subscribe(`project:${project.id}`);
  const grant = await ada.claimed(project.id, { ttlMs: 60_000 });
  expect((await line.event('project.claimed')).data).toMatchObject({ fencingToken: grant.fencingToken });
  const right = { 'x-claim-token': grant.claimToken };
  good(await ada.at(two.url).patch(project.id, { data: { n: 1 } }, { ...right, 'if-match': '"1"' }));
  expect((await line.event('project.updated')).data).toMatchObject({ version: 2 });
  line.close();

  // Neither of them leaves in order, nor does the database.
  for (const server of [one, two]) server.kill('SIGKILL');
  await postgres.kill();
  await postgres.restart();
  const three = await start('lives');
  const back = await login(three);
  expect(good(await back.ask(`projects/${project.id}`))).toMatchObject({ version: 2, data: { n: 1 } });
  const again = await back.patch(project.id, { data: { n: 2 } }, { ...right, 'if-match': '"2"' });
  expect(good(again)).toMatchObject({ version: 3 });
  const lease = good(await back.ask(`projects/${project.id}/lease`));
  expect(lease).toMatchObject({ state: 'held', lockedByMe: true });
}, 60_000);

it('[K4] while PostgreSQL is away requests are answered with 503 or 504, and all is well when it is back', async () => {
  const server = await start('away');
  const { client } = await guest(server.url);
  const project = await client.project();
  await postgres.kill();
  const refused = await client.patch(project.id, { name: 'late' }, { 'if-match': '*' });
  expect([503, 504]).toContain(problem(refused).status);
  const health = await client.ask<{ backends: Record<string, string> }>('/health/ready');
  expect(health.body.backends).toMatchObject({ redis: 'up', nats: 'up', postgres: 'down' });
  await postgres.restart();
  await eventually(async () => (await client.patch(project.id, { name: 'back' }, { 'if-match': '*' })).status).toBe(
    200,
  );
}, 60_000);

it('[CF9] a PostgreSQL that does not answer ends the start with 69, one that cannot be used with 78', async () => {
  const ended = (database: string) => new ServerProcess(flags('refused', database)).ended;
  const [away, wrong] = await Promise.all([
    ended('postgres://me:hunter2@127.0.0.1:1/db'),
    ended(postgres.url.replace(/postgres$/, 'nowhere')),
  ]);
  expect([away.code, wrong.code]).toEqual([69, 78]);
  expect(away.stderr).toContain('Cannot start: PostgreSQL at 127.0.0.1:1/db cannot be reached');
  expect(away.stderr).not.toContain('hunter2');
  expect(wrong.stderr).toContain('does not exist');
});
