// XState's own inspector, attached to a runtime.
import { createInspector, type StatelyInspectionEvent } from '@statelyai/inspect';
import { describe, expect, it, vi } from 'vitest';
import { assign, createActor, type InspectionEvent, sendParent, setup } from 'xstate';
import { createRuntime, defineActor, tell } from '../src/index.ts';
import { Counter } from './counter.fixture.ts';

const kid = setup({ types: {} as { events: { type: 'x' } } }).createMachine({
  id: 'kid',
  initial: 'small',
  states: { small: { after: { 5: { target: 'big', actions: sendParent({ type: 'grown' }) } } }, big: {} },
});
const parent = setup({
  types: {} as { context: { n: number }; events: { type: 'go' } | { type: 'grown' } },
  actors: { kid },
}).createMachine({
  id: 'parent',
  context: { n: 0 },
  initial: 'alone',
  states: {
    alone: { on: { go: 'busy' } },
    busy: {
      invoke: { src: 'kid', id: 'kid', onError: 'alone' },
      on: { grown: { target: 'alone', actions: [assign({ n: 1 }), tell(Counter, 'c', { type: 'add', by: 1 })] } },
    },
  },
});
const Parent = defineActor('parent', { machine: parent });

/** What an inspector keeps of an event, without what differs from run to run. */
const gist = (event: InspectionEvent): unknown => {
  const shown = event.actorRef as { id?: string; sessionId: string };
  if (event.type === '@xstate.actor') return ['actor', shown.id];
  if (event.type === '@xstate.event') return ['event', shown.id, event.event.type, event.sourceRef?.sessionId];
  if (event.type === '@xstate.snapshot') return ['snapshot', shown.id, (event.snapshot as { value?: unknown }).value];
  return undefined;
};

describe('inspection', () => {
  it('[IN1] [IN2] committed steps are shown as the events of XState, machines below an actor among them', async () => {
    const seen: unknown[] = [];
    const runtime = createRuntime({ actors: [Parent, Counter], inspect: (event) => seen.push(gist(event)) });
    await runtime.start();
    const actor = runtime.actor(Parent, 'a');
    await actor.tell({ type: 'go' });
    await vi.waitFor(async () => expect((await runtime.actor(Counter, 'c').read()).context.total).toBe(1));
    await expect(actor.tell({ type: 'grown' })).rejects.toMatchObject({ code: 'UNHANDLED_EVENT' });
    await runtime.stop();
    const sender = expect.stringMatching(/./) as unknown;
    expect(seen).toEqual([
      ['actor', 'parent:a'],
      ['actor', 'kid'],
      ['event', 'parent:a', 'go', sender],
      ['snapshot', 'parent:a', 'busy'],
      ['snapshot', 'kid', 'small'],
      ['event', 'parent:a', 'xstate.to', 'actor parent:a'],
      ['snapshot', 'parent:a', 'alone'],
      ['actor', 'counter:c'],
      ['event', 'counter:c', 'add', 'actor parent:a'],
      ['snapshot', 'counter:c', 'open'],
    ]);
  });

  it('[IN1] the inspector of Stately takes them as it takes those of a live actor', async () => {
    const heard: StatelyInspectionEvent[] = [];
    const inspector = createInspector({ send: (event) => void heard.push(event) });
    const runtime = createRuntime({ actors: [Counter], inspect: inspector.inspect });
    await runtime.start();
    await runtime.actor(Counter, 'a').tell({ type: 'add', by: 2 });
    await vi.waitFor(() => expect(heard).toHaveLength(3));
    await runtime.stop();

    const live: StatelyInspectionEvent[] = [];
    const beside = createInspector({ send: (event) => void live.push(event) });
    createActor(Counter.behavior.machine, { inspect: beside.inspect }).start().send({ type: 'add', by: 2 });
    await vi.waitFor(() => expect(live.filter(({ type }) => type === '@xstate.snapshot')).toHaveLength(2));
    const definition = (events: readonly StatelyInspectionEvent[]): unknown =>
      events.find((event) => event.type === '@xstate.actor')?.definition;
    const last = (events: readonly StatelyInspectionEvent[]) =>
      events.findLast((event) => event.type === '@xstate.snapshot');
    expect(definition(heard)).toBe(definition(live));
    expect(heard[0]).toMatchObject({
      type: '@xstate.actor',
      name: 'counter:a',
      sessionId: 'actor counter:a',
      rootId: 'actor counter:a',
    });
    expect(last(heard)?.snapshot).toEqual(last(live)?.snapshot);
  });
});
