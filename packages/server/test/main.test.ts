import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Client, eventually, good, guest, Line, problem } from './client.ts';
import { EventReader } from './event-reader.ts';
import { type Ended, ServerProcess } from './process.ts';

const running: ServerProcess[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) {
    server.kill('SIGKILL');
    await server.ended;
  }
});

function run(args: string, env: Record<string, string> = {}): Promise<Ended> {
  return new ServerProcess(
    args.split(' ').filter((arg) => arg !== ''),
    env,
  ).ended;
}

async function listening(args: string, env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await ServerProcess.listening(
    args.split(' ').filter((arg) => arg !== ''),
    env,
  );
  running.push(server);
  return server;
}

describe('the command', () => {
  it('[CF8] says what it can do, and ends with 0', async () => {
    const [help, version, check] = await Promise.all([run('--help'), run('--version'), run('--check-config --port 0')]);
    expect([help.code, version.code, check.code]).toEqual([0, 0, 0]);
    expect(help.stdout).toContain('AUTH_SECRET');
    expect(help.stdout).toContain('Examples:');
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('[CF6] prints the settings in force without their secrets', async () => {
    const { code, stdout } = await run('--print-config --redis redis://:hunter2@h:1 --nats nats://h:2', {
      AUTH_SECRET: 's3cret',
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ port: '8080', namespace: 'devmentor', 'auth-secret': '[redacted]' });
    expect(stdout).not.toMatch(/hunter2|s3cret/);
  });

  it('[CF3] a bad configuration is told whole, and ends with 78', async () => {
    const bad = await run('--data /tmp/x --redis redis://h --host 0.0.0.0');
    expect(bad.code).toBe(78);
    expect(bad.stdout).toBe('');
    expect(bad.stderr).toContain('choose one');
    expect(bad.stderr.trim().split('\n')).toHaveLength(4);
    const asJson = await run('--json --nats nats://h');
    expect(asJson.code).toBe(78);
    expect(JSON.parse(asJson.stderr)).toMatchObject({
      event: 'bad-config',
      problems: [expect.stringContaining('--redis')],
    });
  });

  it('[CF5] a mistake of use ends with 2', async () => {
    const { code, stderr } = await run('--prot 1');
    expect(code).toBe(2);
    expect(stderr).toContain('--help');
  });

  it('[CF9] a backend that cannot be reached ends it with 69', async () => {
    const { code, stderr } = await run('--port 0 --redis redis://me:hunter2@127.0.0.1:1 --nats nats://127.0.0.1:1');
    expect(code).toBe(69);
    expect(stderr).toContain('Cannot start: Redis at 127.0.0.1:1: Redis cannot be reached');
    expect(stderr).not.toContain('hunter2');
  });

  it('[CF12] a port that is taken ends it with 1, and names the port', async () => {
    const server = await ServerProcess.listening([]);
    running.push(server);
    const { port } = new URL(server.url);
    const { code, stdout, stderr } = await run(`--port ${port}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`address already in use 127.0.0.1:${port}`);
  });

  it('[CF10] with --json the line that says where it listens is JSON, alone on stdout', async () => {
    const server = new ServerProcess(['--json', '--port', '0', '--log-level', 'warn']);
    running.push(server);
    await eventually(() => server.stdout).toMatch(/\n$/);
    expect(JSON.parse(server.stdout)).toEqual({
      event: 'listening',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    });
    await eventually(() => server.stderr).toContain('kept in memory');
  });

  it('[CF11] a page is served, and every address of it that is asked for as a page', async () => {
    const ui = mkdtempSync(join(tmpdir(), 'devmentor-ui-'));
    writeFileSync(join(ui, 'index.html'), '<h1>page</h1>');
    writeFileSync(join(ui, 'app.js'), 'export {}');
    const client = new Client((await listening(`--ui ${ui}`)).url);
    const html = { headers: { accept: 'text/html,*/*' } };
    for (const path of ['/', '/projects/123']) expect((await client.ask(path, html)).text).toContain('page');
    expect((await client.ask('/app.js')).text).toBe('export {}');
    expect(problem(await client.ask('/missing.js')).code).toBe('NOT_FOUND');
    expect(problem(await client.ask('/api/v1/nowhere', html)).code).toBe('NOT_FOUND');
  });
});

describe('leaving', () => {
  it('[D1] a drain ends with 0 within ten seconds, though a peer is stuck and a claim waits', async () => {
    const server = await listening('--demo');
    const [ada, bob] = [await guest(server.url), await guest(server.url)];
    await ada.client.claimed('123');
    const stuck = await Line.open(server.url, ada.client.token);
    await stuck.next('welcome');
    stuck.socket.pause();
    const reader = await EventReader.open(server.url, { token: bob.client.token });
    await reader.until('welcome');
    const polite = await Line.open(server.url, bob.client.token);
    await polite.next('welcome');
    const waiting = bob.client.claim('123', { waitMs: 30_000 });
    await eventually(async () => good(await ada.client.ask<{ queue: number }>('projects/123/lease')).queue).toBe(1);

    const from = performance.now();
    server.kill('SIGTERM');
    expect(problem(await waiting).code).toBe('SHUTTING_DOWN');
    expect((await polite.next('going-away')).reconnectAfterMs).toEqual(expect.any(Number));
    expect(await polite.closed).toBe(1012);
    await reader.until('going-away');
    expect(await reader.next()).toBe('end');
    expect((await server.ended).code).toBe(0);
    expect(performance.now() - from).toBeLessThan(10_000);
  });

  it('[D2] while it leaves it is unready and sends new requests elsewhere', async () => {
    const server = await listening('--demo');
    const ada = await guest(server.url);
    const stuck = await Line.open(server.url, ada.client.token);
    await stuck.next('welcome');
    stuck.socket.pause();
    server.kill('SIGTERM');
    await eventually(async () => (await ada.client.ask('/health/ready')).status).toBe(503);
    expect((await ada.client.ask('/health/live')).status).toBe(200);
    expect(problem(await ada.client.ask('projects')).code).toBe('SHUTTING_DOWN');
    expect((await server.ended).code).toBe(0);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('[D3] a second %s cuts the drain short with %i', async (signal, code) => {
    const server = await listening('--demo');
    const ada = await guest(server.url);
    const stuck = await Line.open(server.url, ada.client.token);
    await stuck.next('welcome');
    stuck.socket.pause();
    server.kill(signal);
    await eventually(async () => (await ada.client.ask('/health/ready')).status).toBe(503);
    server.kill(signal);
    expect((await server.ended).code).toBe(code);
  });
});
