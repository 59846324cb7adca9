// Steps as spans, with the SDK of OpenTelemetry, over two nodes.
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { defineActor, durable, remoteAsk, reply, returns, tell } from '../src/index.ts';
import { statePath } from '../src/step-spans.ts';
import { Cluster, type ClusterNode } from '../src/testing.ts';
import { Counter } from './counter.fixture.ts';
import { Door } from './inspection.fixture.ts';
import { solo } from './solo.fixture.ts';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer('test');

const Shop = defineActor('shop', {
  machine: setup({ types: {} as { events: { type: 'price' } } }).createMachine({
    on: { price: { actions: reply(7) } },
  }),
  replies: { price: returns<number>() },
});

/** From its order on: work, a question, a delay, a message. */
const Order = defineActor('order', {
  machine: setup({
    types: {} as { context: { price: number }; events: { type: 'go' } | { type: 'fail' } | { type: 'again' } },
    actors: {
      work: durable('work', async () => {
        tracer.startSpan('inside').end();
        return 1;
      }),
      price: remoteAsk(Shop, 'price'),
    },
  }).createMachine({
    context: { price: 0 },
    initial: 'idle',
    states: {
      idle: {
        on: {
          go: 'working',
          fail: {
            actions: assign(() => {
              throw new Error('on purpose');
            }),
          },
        },
      },
      working: { invoke: { id: 'work', src: 'work', onDone: 'asking', onError: 'idle' } },
      asking: {
        invoke: {
          id: 'price',
          src: 'price',
          input: { key: 's' },
          onDone: { target: 'waiting', actions: assign({ price: ({ event }) => event.output }) },
          onError: 'idle',
        },
      },
      waiting: { after: { 5000: { target: 'told', actions: tell(Counter, 'c', { type: 'add', by: 1 }) } } },
      told: { on: { again: {} } },
    },
  }),
  supervise: { retries: 0 },
});

const spans = (): readonly ReadableSpan[] => exporter.getFinishedSpans();
const named = (name: string): ReadableSpan => {
  const found = spans().find((span) => span.name === name);
  if (found === undefined)
    throw new Error(
      `${name} is none of ${spans()
        .map((span) => span.name)
        .join(', ')}`,
    );
  return found;
};
const traceparentOf = (span: ReadableSpan): string =>
  `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`;

describe('tracing', () => {
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });
  afterAll(() => context.disable());
  beforeEach(() => exporter.reset());

  it('[TP1] a step is a span that says where it went and how long it waited, never with what data', async () => {
    const cluster = await Cluster.start({ actors: [Counter], nodes: 2, tracer });
    const counter = cluster.nodes[0]?.runtime.actor(Counter, 'a');
    await cluster.run(counter?.tell({ type: 'arm', delayMs: 60_000 }) ?? Promise.reject());
    await cluster.stop();
    const { attributes } = named('counter arm');
    expect(attributes).toEqual({
      'actor.type': 'counter',
      'actor.key': 'a',
      'actor.event': 'arm',
      'actor.state.from': 'open',
      'actor.state.to': 'armed',
      'actor.handled': true,
      'actor.epoch': expect.stringMatching(/^\d{16}$/) as unknown,
      'actor.version': 1,
      'actor.queue_wait_ms': expect.any(Number) as unknown,
      'actor.commit_ms': expect.any(Number) as unknown,
      'actor.outcome': 'committed',
    });
    expect(statePath({ lease: { held: 'attached' }, sight: 'waiting' })).toBe('lease.held.attached,sight.waiting');
  });

  it('[TP2] one trace goes through messages, work, questions, timers and the outbox, over nodes and a failover', async () => {
    const cluster = await Cluster.start({ actors: [Order, Shop, Counter], nodes: 2, tracer });
    const [first, second] = cluster.nodes;
    const order = first?.runtime.actor(Order, 'o');
    if (first === undefined || second === undefined || order === undefined) throw new Error('two nodes');
    const caller = tracer.startSpan('caller');
    await cluster.run(context.with(trace.setSpan(context.active(), caller), () => order.tell({ type: 'go' })));
    caller.end();
    await cluster.advance(1_000);
    const owner = cluster.ownerOf(order);
    await (owner as ClusterNode).kill();
    await cluster.advance(10_000);
    await cluster.stop();

    const go = named('order go');
    const done = named('order xstate.done.actor.work');
    const priced = named('order xstate.done.actor.price');
    const late = spans().find(({ name }) => name.startsWith('order xstate.after.5000'));
    const parents = [
      [go, named('caller')],
      [named('inside'), go],
      [done, go],
      [named('shop price'), done],
      [priced, done],
      [late, priced],
      [named('counter add'), late],
    ];
    for (const [child, parent] of parents)
      expect([child?.name, child?.parentSpanContext?.spanId]).toEqual([child?.name, parent?.spanContext().spanId]);
    expect(new Set(parents.map(([child]) => child?.spanContext().traceId))).toEqual(
      new Set([caller.spanContext().traceId]),
    );
    expect(late?.links.map((link) => link.context.spanId)).toEqual([priced.spanContext().spanId]);
    expect(go.attributes['actor.epoch']).not.toBe(late?.attributes['actor.epoch']);
  });

  it('[TP2] a node that does not trace passes on what it was given', async () => {
    const cluster = await Cluster.start({ actors: [Counter], nodes: 1 });
    const caller = tracer.startSpan('caller');
    caller.end();
    const counter = cluster.nodes[0]?.runtime.actor(Counter, 'a');
    if (counter === undefined) throw new Error('a node');
    const traceparent = traceparentOf(named('caller'));
    await cluster.run(counter.tell({ type: 'arm', delayMs: 60_000 }, { traceparent }));
    await cluster.run(counter.tell({ type: 'mute' }, { traceparent: 'nonsense' }));
    expect((await cluster.state.peek(counter.id))?.timers).toMatchObject([{ traceparent }]);
    await cluster.stop();
    expect(spans()).toHaveLength(1);
  });

  it('[TP3] a step that throws is an error, and what was not committed says so', async () => {
    const node = await solo([Order, Counter], { tracer });
    const order = node.runtime.actor(Order, 'o');
    await expect(node.run(order.tell({ type: 'fail' }))).rejects.toMatchObject({ code: 'ACTOR_FAILED' });
    await expect(node.run(node.runtime.actor(Counter, 'c').tell({ type: 'disarm' }))).rejects.toMatchObject({
      code: 'UNHANDLED_EVENT',
    });
    await node.run(node.runtime.stop());
    expect(named('order fail').status).toMatchObject({
      code: 2,
      message: expect.stringMatching('on purpose') as unknown,
    });
    expect(named('counter disarm').attributes).toMatchObject({
      'actor.handled': false,
      'actor.outcome': 'not committed',
    });
  });

  it('[TP1] a span says what the guards said', async () => {
    const node = await solo([Door, Counter], { tracer });
    await expect(node.run(node.runtime.actor(Door, 'd').tell({ type: 'knock', name: '' }))).rejects.toMatchObject({
      code: 'UNHANDLED_EVENT',
    });
    await node.run(node.runtime.stop());
    expect(named('door knock').attributes).toMatchObject({ 'actor.guards': 'isFriend=false,isKnown=false' });
  });
});
