import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { helpText, redacted, SETTINGS } from '../src/settings.ts';

function ready(argv: string[], env: Record<string, string> = {}) {
  const reading = readConfig(argv, env);
  if (reading.kind !== 'ready') throw new Error(JSON.stringify(reading));
  return reading;
}

function problems(argv: string[]): readonly string[] {
  const reading = readConfig(argv, {});
  return reading.kind === 'bad' ? reading.problems : [];
}

describe('configuration', () => {
  it('[CF1] without options it is embedded, on loopback, port 8080', () => {
    const { config } = ready([]);
    expect(config).toMatchObject({ host: '127.0.0.1', port: 8080, backend: { kind: 'memory' }, demo: false });
  });

  it('[CF2] a flag wins over the environment, that over the file, that over the default', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'devmentor-config-')), 'config.json');
    writeFileSync(file, JSON.stringify({ port: 1001, namespace: 'filed', demo: true }));
    const { config } = ready(['--config', file, '--port', '1003'], { PORT: '1002', DEVMENTOR_NAMESPACE: 'env' });
    expect(config).toMatchObject({ port: 1003, namespace: 'env', demo: true, logLevel: 'info' });
  });

  it('[CF3] all problems are told at once', () => {
    const bad = '--port 70000 --host 0.0.0.0 --redis redis://h --log-level loud --data /x --postgres mysql://h/db';
    expect(problems(bad.split(' '))).toHaveLength(6);
  });

  it.each([
    '--redis redis://h:1',
    '--nats nats://h:1',
    '--data /x --redis redis://h:1 --nats nats://h:1',
    '--postgres postgres://h/db',
    '--postgres mysql://h/db --redis redis://h --nats nats://h',
    `--namespace ${'x'.repeat(64)} --postgres postgres://h/db --redis redis://h --nats nats://h`,
    '--host 0.0.0.0',
    '--redis http://h --nats nats://h',
    '--namespace a.b',
    '--origins example.com',
    '--config /nowhere.json',
    '--host 0.0.0.0 --auth-secret=',
    '--host=',
  ])('[CF3] %s is a bad configuration', (argv) => {
    expect(problems(argv.split(' '))).toHaveLength(1);
  });

  it('[CF1] a data folder keeps everything, instead of memory', () => {
    expect(ready(['--data', '/x'], {}).config.backend).toEqual({ kind: 'data', dir: '/x' });
  });

  it('[CF1] PostgreSQL comes beside Redis and NATS', () => {
    const env = { DATABASE_URL: 'postgresql://u:p@h/db', REDIS_URL: 'redis://h:1', NATS_URL: 'nats://h:2' };
    expect(ready([], env).config.backend).toEqual({
      kind: 'cluster',
      redis: 'redis://h:1',
      nats: 'nats://h:2',
      postgres: 'postgresql://u:p@h/db',
    });
  });

  it('[CF4] a host that others can reach needs a secret', () => {
    const { config } = ready(['--host', '0.0.0.0'], { AUTH_SECRET: 'x'.repeat(32) });
    expect(config.host).toBe('0.0.0.0');
  });

  it('[CF1] an IPv6 address may come as a URL writes it', () => {
    expect(ready(['--host', '[::1]']).config.host).toBe('::1');
  });

  it('[CF5] an unknown flag is a mistake of use', () => {
    expect(readConfig(['--prot', '1'], {}).kind).toBe('usage');
  });

  it('[CF6] printed settings hold no secret', () => {
    const cluster = ['--redis', 'redis://me:hunter2@h:1', '--nats', 'nats://tok3n@h:2'];
    const argv = [...cluster, '--postgres', 'postgres://me:hunter2@h:3/db?password=hunter2'];
    const printed = JSON.stringify(redacted(ready(argv, { AUTH_SECRET: 's3cret' }).settings));
    for (const secret of ['hunter2', 'tok3n', 's3cret']) expect(printed).not.toContain(secret);
    expect(printed).toContain('h:1');
    const urlish = redacted(ready(['--auth-secret', 'https://s3cret/'.padEnd(40, 'x')]).settings);
    expect(urlish['auth-secret']).toBe('[redacted]');
  });

  it('[CF7] the help names every flag with its environment name', () => {
    for (const { flag, env } of SETTINGS) expect(helpText()).toMatch(new RegExp(`--${flag} .*\\[${env}\\]`));
  });
});
