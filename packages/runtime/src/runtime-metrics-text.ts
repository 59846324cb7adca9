import { type Labels, MetricsText } from '@devmentor/locks';
import type { RuntimeMetricsSnapshot, TypeMetrics } from './runtime-metrics.ts';

/**
 * A snapshot of `runtime.metrics` in the text form that Prometheus reads (version 0.0.4); times in
 * seconds, actor types under the label `type`.
 *
 * @param labels set on every line, such as `{ namespace: 'app' }`
 */
export function runtimeMetricsText({ types, node }: RuntimeMetricsSnapshot, labels: Labels = {}): string {
  const text = new MetricsText('devmentor_runtime', labels);
  const each = <Value>(pick: (metrics: TypeMetrics) => Value): (readonly [Labels, Value])[] =>
    Object.entries(types).map(([type, metrics]) => [{ type }, pick(metrics)]);
  text.counter(
    'messages_total',
    'Messages that a mailbox took.',
    each(({ messages }) => messages),
  );
  text.counter(
    'refusals_total',
    'Messages that a mailbox had no room for.',
    each(({ refusals }) => refusals),
  );
  text.counter(
    'steps_total',
    'Messages, timers, ends of invokes and orders that were stepped.',
    each(({ steps }) => steps),
  );
  text.counter(
    'commits_total',
    'Commits that were stored.',
    each(({ commits }) => commits),
  );
  text.counter(
    'dead_letters_total',
    'Letters that were given up.',
    each(({ deadLetters }) => deadLetters),
  );
  text.counter(
    'passivations_total',
    'Idle actors that left memory.',
    each(({ passivations }) => passivations),
  );
  text.gauge(
    'residents',
    'Actors in memory.',
    each(({ residents }) => residents),
  );
  text.gauge(
    'outbox',
    'Messages that actors in memory owe to others.',
    each(({ outbox }) => outbox),
  );
  text.gauge(
    'outbox_oldest_seconds',
    'Age of the oldest of them.',
    each(({ outboxOldestMs }) => outboxOldestMs / 1_000),
  );
  text.gauge(
    'breaker_seconds',
    'How long the breaker of the type is still open.',
    each(({ breakerMs }) => breakerMs / 1_000),
  );
  text.histogram(
    'queue_wait',
    'From the arrival of a message to its step.',
    each(({ queueWait }) => queueWait),
  );
  text.histogram(
    'commit',
    'From the send of a commit to its known outcome.',
    each(({ commit }) => commit),
  );
  text.histogram(
    'timer_lateness',
    'How long after its time a timer was stepped.',
    each((type) => type.timerLateness),
  );
  text.gauge('shards', 'Shards that this node serves.', [[{}, node.shards]]);
  text.counter('seals_total', 'Shards that this node has sealed.', [[{}, node.seals]]);
  text.counter('failovers_total', 'Of these, shards whose owner before had not given them up.', [[{}, node.failovers]]);
  text.counter('fenced_total', 'Shards that another owner was seen of while served here.', [[{}, node.fenced]]);
  text.gauge('mail_messages', 'Messages that wait in all mailboxes.', [[{}, node.mail.messages]]);
  text.gauge('mail_bytes', 'Their size as JSON.', [[{}, node.mail.bytes]]);
  text.histogram('stall', "How late this node's beats were.", [[{}, node.stall]]);
  text.histogram('lease_margin', "What was left of the node's lease when it was about to be renewed.", [
    [{}, node.leaseMargin],
  ]);
  if (node.leaseMarginMs !== undefined)
    text.gauge('lease_margin_now_seconds', "How long the node's lease surely holds from now.", [
      [{}, node.leaseMarginMs / 1_000],
    ]);
  return text.toString();
}
