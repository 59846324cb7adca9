// What a group of letters does to an actor, decided without any store.
import { describe, expect, it } from 'vitest';
import { assign, fromPromise, setup } from 'xstate';
import { createdState } from '../src/actor-state.ts';
import { defineActor } from '../src/index.ts';
import { xstateDriver } from '../src/machine-driver.xstate5.ts';
import type { Told } from '../src/mailbox.ts';
import { stepGroup } from '../src/stepping.ts';
import { Counter } from './counter.fixture.ts';

const driver = xstateDriver(Counter.behavior.machine);
const stepper = { id: 'counter:a', behavior: Counter.behavior, driver } as const;
const now = { storeMs: 1_000, clockMs: 0, owed: 0, heldMs: 0, jitter: 0 };

function told(event: Told['event'], more: Partial<Told> = {}): Told {
  const from = { sender: 's', n: 1, floor: 1 };
  return {
    kind: 'told',
    atMs: 0,
    event,
    from,
    fence: undefined,
    asks: false,
    again: false,
    expiresAtMs: 1,
    traceparent: undefined,
    bytes: 1,
    answer: [],
    ...more,
  };
}

describe('stepping', () => {
  it('[SG1] the state before is as it was', () => {
    const before = createdState(driver, undefined);
    const group = stepGroup(stepper, before, [told({ type: 'add', by: 1 }), told({ type: 'arm', delayMs: 5 })], now);
    expect(group.next.snapshot.context).toMatchObject({ total: 1 });
    expect(group.next.timers.size).toBe(1);
    expect(before.snapshot.context).toMatchObject({ total: 0 });
    expect(before.timers.size).toBe(0);
  });

  it('[SG3] a refusal is settled only where the message may be a repeat', () => {
    const before = createdState(driver, undefined);
    const first = stepGroup(stepper, before, [told({ type: 'disarm' })], now);
    expect(first).toMatchObject({ changes: false, settles: [] });
    const again = stepGroup(stepper, before, [told({ type: 'disarm' }, { again: true })], now);
    expect(again).toMatchObject({ changes: true, settles: [{ n: 1, reply: { f: { code: 'UNHANDLED_EVENT' } } }] });
  });

  it('[SG4] a timer of another generation, and the end of a run that is not waited for, are nothing', () => {
    const before = createdState(driver, undefined);
    const { next } = stepGroup(stepper, before, [told({ type: 'arm', delayMs: 5 })], now);
    const [row] = next.timers.values();
    if (row === undefined) throw new Error('a timer was set');
    const due = { kind: 'due', id: row.id, generation: row.generation } as const;
    expect(stepGroup(stepper, next, [{ ...due, generation: row.generation + 1 }], now).changes).toBe(false);
    expect(stepGroup(stepper, next, [due], now).next.snapshot.context).toMatchObject({ alarms: 1 });
    const ended = { kind: 'ended', invoke: 'x', run: 1, event: { type: 'add', by: 1 } } as const;
    expect(stepGroup(stepper, next, [ended], now).changes).toBe(false);
  });

  it('[SG4] the end of a run that the same group has replaced is nothing', () => {
    const machine = setup({
      types: {} as { context: { answer: number }; events: { type: 'go' } | { type: 'leave' } },
      actors: { work: fromPromise<number>(async () => 1) },
    }).createMachine({
      context: { answer: 0 },
      initial: 'idle',
      states: {
        idle: { on: { go: 'working' } },
        working: {
          invoke: { id: 'work', src: 'work', onDone: { target: 'idle', actions: assign({ answer: 7 }) } },
          on: { leave: 'idle' },
        },
      },
    });
    const Worker = defineActor('worker', { machine });
    const worker = { id: 'worker:a', behavior: Worker.behavior, driver: xstateDriver(machine) } as const;
    const working = stepGroup(worker, createdState(worker.driver, undefined), [told({ type: 'go' })], now).next;
    const late = {
      kind: 'ended',
      invoke: 'work',
      run: working.runs.work ?? 0,
      event: worker.driver.settled('work', { kind: 'done', output: 1 }),
    } as const;
    const again = stepGroup(worker, working, [told({ type: 'leave' }), told({ type: 'go' }), late], now);
    expect(again.next.snapshot.context).toEqual({ answer: 0 });
    expect(again.after).toContainEqual(expect.objectContaining({ kind: 'start', run: again.next.runs.work }));
    expect(stepGroup(worker, working, [late], now).next.snapshot.context).toEqual({ answer: 7 });
  });

  it('[RU6] an event of the runtime itself is refused whoever sends it', () => {
    const { next } = stepGroup(stepper, createdState(driver, undefined), [told({ type: 'arm', delayMs: 5 })], now);
    const [row] = next.timers.values();
    const forged = told(row?.event as Told['event']);
    const group = stepGroup(stepper, next, [forged], now);
    expect(group).toMatchObject({ changes: false });
    expect(group.answers.get(forged)).toMatchObject({ fault: { code: 'UNHANDLED_EVENT', applied: 'no' } });
  });

  it('[SG5] a message that would make the actor owe more than 10,000 messages is MAILBOX_FULL', () => {
    const before = createdState(driver, undefined);
    const letter = told({ type: 'forward', to: 'b', by: 1 });
    const full = stepGroup(stepper, before, [letter], { ...now, owed: 10_000 });
    expect(full).toMatchObject({ changes: false, outbox: [] });
    expect(full.answers.get(letter)).toMatchObject({ fault: { code: 'MAILBOX_FULL', applied: 'no' } });
    expect(stepGroup(stepper, before, [letter], { ...now, owed: 9_999 }).outbox).toHaveLength(1);
  });

  it('[SG6] a letter whose deadline has passed is not stepped', () => {
    const before = createdState(driver, undefined);
    expect(stepGroup(stepper, before, [told({ type: 'add', by: 1 })], { ...now, clockMs: 2 }).changes).toBe(false);
  });
});
