import type { LockMetricsSnapshot } from './lock-metrics.ts';
import { type Labels, MetricsText } from './metrics-text.ts';

/**
 * A snapshot in the text form that Prometheus reads (version 0.0.4); times in seconds.
 *
 * @param labels set on every line, such as `{ namespace: 'app' }`
 */
export function prometheusText(snapshot: LockMetricsSnapshot, labels: Labels = {}): string {
  const text = new MetricsText('devmentor_locks', labels);
  const counts = (name: string, help: string, label: string, of: Readonly<Record<string, number>>): void =>
    text.counter(
      name,
      help,
      Object.entries(of).map(([kind, count]) => [{ [label]: kind }, count]),
    );
  counts('claims_total', 'Claims by their result.', 'result', snapshot.claims);
  counts('losses_total', 'Leases lost while their holder wanted them, by reason.', 'reason', snapshot.losses);
  counts('releases_total', 'Releases by their outcome.', 'outcome', snapshot.releases);
  text.counter('stale_writes_total', 'Writes that a guard refused for their old fence.', [[{}, snapshot.staleWrites]]);
  text.gauge('holding', 'Leases held by this process.', [[{}, snapshot.holding]]);
  text.histogram('wait', 'From the call to the lease, of claims granted after waiting.', [[{}, snapshot.wait]]);
  text.histogram('hold', 'From a grant to its release or loss.', [[{}, snapshot.hold]]);
  text.histogram('renew', 'From the send of a renewal to its answer.', [[{}, snapshot.renew]]);
  text.histogram('remaining_at_renew', 'What was left of a lease when its renewal was answered.', [
    [{}, snapshot.remainingAtRenew],
  ]);
  text.histogram('stall', 'How late the timers of this process were.', [[{}, snapshot.stall]]);
  return text.toString();
}
