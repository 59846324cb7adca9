import { type LockCounts, prometheusText } from '@devmentor/locks';
import { type RuntimeMetrics, runtimeMetricsText } from '@devmentor/runtime';
import type { App } from './app.ts';

export interface MetricsOptions {
  readonly runtime: RuntimeMetrics;
  readonly locks: LockCounts;
  /** On every line, to tell deployments apart. */
  readonly namespace: string;
}

/** Serves what this process has counted, as Prometheus reads it: no user, no key, no content. */
export function serveMetrics(app: App, { runtime, locks, namespace }: MetricsOptions): void {
  const labels = { namespace };
  app.get('/metrics', (_request, reply) =>
    reply
      .headers({ 'cache-control': 'no-store' })
      .type('text/plain; version=0.0.4; charset=utf-8')
      .send(runtimeMetricsText(runtime.snapshot(), labels) + prometheusText(locks.snapshot(), labels)),
  );
}
