// What a runtime counts.
import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { defineActor, type RuntimeMetricsSnapshot, runtimeMetricsText, type TypeMetrics, tell } from '../src/index.ts';
import { Cluster } from '../src/testing.ts';
import { Counter } from './counter.fixture.ts';
import { solo } from './solo.fixture.ts';

const counted = ({ types }: RuntimeMetricsSnapshot): TypeMetrics => {
  const { counter } = types;
  if (counter === undefined) throw new Error('the type is counted');
  return counter;
};
const within = ({ buckets }: { readonly buckets: readonly { leMs: number; count: number }[] }, ms: number): number =>
  buckets.find(({ leMs }) => leMs >= ms)?.count ?? 0;

/** Tells someone who stands still. */
const Debtor = defineActor('debtor', {
  machine: setup({ types: {} as { events: { type: 'go' } } }).createMachine({
    on: { go: { actions: tell(Counter, 'gone', { type: 'add', by: 1 }) } },
  }),
});

describe('metrics', () => {
  it('[MX1] messages, steps, commits, waits and dead letters are counted by actor type', async () => {
    const node = await solo([Counter], { mail: { messages: 3 } });
    const counter = node.runtime.actor(Counter, 'a');
    await node.run(counter.tell({ type: 'add', by: 1 }));
    const many = Array.from({ length: 5 }, () => counter.tell({ type: 'add', by: 1 }).catch(() => undefined));
    await node.run(Promise.all(many));
    await node.run(counter.tell({ type: 'boom' }).catch(() => undefined));
    const metrics = counted(node.runtime.metrics.snapshot());
    expect(metrics).toMatchObject({ messages: 5, refusals: 2, steps: 5, commits: 5, deadLetters: 1, residents: 1 });
    expect(metrics.queueWait.count).toBe(5);
    expect(metrics.commit.count).toBe(5);
    await node.runtime.stop();
  });

  it('[MX1] how late timers were, who left memory, and what is owed since when', async () => {
    const node = await solo([Counter, Debtor]);
    await node.run(node.runtime.actor(Counter, 'a').tell({ type: 'arm', delayMs: 1_000 }));
    await node.run(node.runtime.stop());
    await node.clock.advance(60_000);
    await node.restart();
    await node.clock.advance(100);
    const { timerLateness } = counted(node.runtime.metrics.snapshot());
    expect(timerLateness.count).toBe(1);
    expect(within(timerLateness, 32_768)).toBe(0);
    await node.clock.advance(600_000);
    expect(counted(node.runtime.metrics.snapshot())).toMatchObject({ passivations: 1, residents: 0 });

    await node.run(node.runtime.admin.suspend(node.runtime.actor(Counter, 'gone'), 'for a test'));
    await node.run(node.runtime.actor(Debtor, 'd').tell({ type: 'go' }));
    expect(node.runtime.metrics.snapshot().types.debtor).toMatchObject({ outbox: 1, residents: 1 });
    await node.clock.advance(5_000);
    const owedMs = node.runtime.metrics.snapshot().types.debtor?.outboxOldestMs ?? 0;
    expect(owedMs).toBeGreaterThanOrEqual(5_000);
    expect(owedMs).toBeLessThan(5_100);
    await node.runtime.stop();
  });

  it('[MX2] a node counts its seals, failovers, stalls and what was left of its lease', async () => {
    const cluster = await Cluster.start({ actors: [Counter], nodes: 2 });
    const [first, second] = cluster.nodes;
    if (first === undefined || second === undefined) throw new Error('two nodes');
    const before = second.runtime.metrics.snapshot().node;
    expect(before.failovers).toBe(0);
    expect(before.seals).toBeGreaterThanOrEqual(before.shards);
    expect(before.leaseMarginMs).toBeGreaterThan(1_000);
    expect(before.leaseMargin.count).toBeGreaterThan(0);
    second.stall();
    await cluster.advance(700);
    second.resume();
    await cluster.advance(1_000);
    const stalled = second.runtime.metrics.snapshot().node.stall;
    expect(stalled.count - within(stalled, 128)).toBeGreaterThan(0);
    await first.kill();
    await cluster.advance(6_000);
    const after = second.runtime.metrics.snapshot().node;
    expect(after.failovers).toBe(16 - before.shards);
    expect(after.shards).toBe(16);
    await cluster.stop();
  });

  it('[MX3] everything is text that Prometheus reads, types under a label', async () => {
    const node = await solo([Counter]);
    await node.run(node.runtime.actor(Counter, 'a').tell({ type: 'add', by: 1 }));
    const text = runtimeMetricsText(node.runtime.metrics.snapshot(), { namespace: 'app' });
    await node.runtime.stop();
    expect(text).toContain('devmentor_runtime_messages_total{namespace="app",type="counter"} 1\n');
    expect(text).toContain('devmentor_runtime_commit_seconds_count{namespace="app",type="counter"} 1\n');
    expect(text).toMatch(
      /devmentor_runtime_queue_wait_seconds_bucket\{namespace="app",type="counter",le="\+Inf"\} 1\n/,
    );
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) devmentor_runtime_\w+ .+|devmentor_runtime_\w+(\{.*\})? [0-9.e+-]+)$/);
    const heads = text.match(/^# TYPE (\S+)/gm) ?? [];
    expect(new Set(heads).size).toBe(heads.length);
  });
});
