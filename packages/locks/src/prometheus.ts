import type { HistogramSnapshot } from './histogram.ts';
import type { LockMetricsSnapshot } from './lock-metrics.ts';

const PREFIX = 'devmentor_locks';

/**
 * A snapshot in the text form that Prometheus reads (version 0.0.4); times in seconds.
 *
 * @param labels set on every line, such as `{ namespace: 'app' }`
 */
export function prometheusText(
  snapshot: LockMetricsSnapshot,
  labels: { readonly [name: string]: string } = {},
): string {
  const common = Object.entries(labels);
  const lines: string[] = [];
  const head = (name: string, type: string, help: string): void =>
    void lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  const line = (name: string, own: readonly (readonly [string, string])[], value: number): void => {
    const all = [...common, ...own].map(([label, text]) => `${label}="${escaped(text)}"`);
    lines.push(`${name}${all.length === 0 ? '' : `{${all.join(',')}}`} ${numberText(value)}`);
  };
  const counter = (name: string, help: string, label: string, counts: Readonly<Record<string, number>>): void => {
    head(`${PREFIX}_${name}`, 'counter', help);
    for (const [kind, count] of Object.entries(counts)) line(`${PREFIX}_${name}`, [[label, kind]], count);
  };
  const histogram = (name: string, help: string, values: HistogramSnapshot): void => {
    const full = `${PREFIX}_${name}_seconds`;
    head(full, 'histogram', help);
    for (const { leMs, count } of values.buckets) line(`${full}_bucket`, [['le', numberText(leMs / 1_000)]], count);
    line(`${full}_sum`, [], values.sumMs / 1_000);
    line(`${full}_count`, [], values.count);
  };
  counter('claims_total', 'Claims by their result.', 'result', snapshot.claims);
  counter('losses_total', 'Leases lost while their holder wanted them, by reason.', 'reason', snapshot.losses);
  counter('releases_total', 'Releases by their outcome.', 'outcome', snapshot.releases);
  head(`${PREFIX}_stale_writes_total`, 'counter', 'Writes that a guard refused for their old fence.');
  line(`${PREFIX}_stale_writes_total`, [], snapshot.staleWrites);
  head(`${PREFIX}_holding`, 'gauge', 'Leases held by this process.');
  line(`${PREFIX}_holding`, [], snapshot.holding);
  histogram('wait', 'From the call to the lease, of claims granted after waiting.', snapshot.wait);
  histogram('hold', 'From a grant to its release or loss.', snapshot.hold);
  histogram('renew', 'From the send of a renewal to its answer.', snapshot.renew);
  histogram('remaining_at_renew', 'What was left of a lease when its renewal was answered.', snapshot.remainingAtRenew);
  histogram('stall', 'How late the timers of this process were.', snapshot.stall);
  return `${lines.join('\n')}\n`;
}

function numberText(value: number): string {
  return value === Number.POSITIVE_INFINITY ? '+Inf' : String(value);
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
