import { expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { createServer } from '../src/index.ts';
import { guest } from './client.ts';

it('[MX1] what the actors and the leases did is told as Prometheus reads it, and names no user and no project', async () => {
  await using server = await createServer({ demo: true, namespace: 'here' });
  const ada = await guest(server.url, 'Ada');
  await ada.client.post('projects/123/claim', {});
  const answer = await fetch(`${server.url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await answer.text();
  expect(text).toContain('devmentor_runtime_commits_total{namespace="here",type="project"}');
  expect(text).toMatch(/devmentor_locks_\w+\{namespace="here"/);
  for (const line of text.trimEnd().split('\n'))
    expect(line).toMatch(/^(# |devmentor_(runtime|locks)_\w+(\{.*\})? [0-9.e+-]+$)/);
  expect(text).not.toContain('Ada');
  expect(text).not.toMatch(/\b123\b.*type="project/);
  expect((await fetch(`${server.url}/metrics`, { method: 'POST' })).status).toBe(405);
});

it('[MX2] it is served on a loopback host, elsewhere only when asked for', async () => {
  await using server = await createServer({ metrics: false });
  expect((await fetch(`${server.url}/metrics`, { headers: { accept: 'text/html' } })).status).toBe(404);
  const metricsOf = (...argv: string[]): boolean | undefined => {
    const reading = readConfig(argv, {});
    return reading.kind === 'ready' ? reading.config.metrics : undefined;
  };
  const outside = ['--host', '0.0.0.0', '--auth-secret', 'x'.repeat(32)];
  expect([metricsOf(), metricsOf('--metrics', 'off'), metricsOf(...outside)]).toEqual([true, false, false]);
  expect(metricsOf(...outside, '--metrics', 'on')).toBe(true);
  expect(metricsOf('--metrics', 'maybe')).toBeUndefined();
});
