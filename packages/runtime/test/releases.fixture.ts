// Three releases of one type of actor. `records` are records as each release stored them.
import { assign, setup } from 'xstate';
import { type ActorRecord, defineActor, type Json } from '../src/index.ts';

type Stored<Context> = { readonly context: Context; readonly [key: string]: Json | Context };

const first = setup({ types: {} as { context: { n: number }; events: { type: 'add'; by: number } } }).createMachine({
  context: { n: 0 },
  initial: 'idle',
  states: { idle: {} },
  on: { add: { actions: assign({ n: ({ context, event }) => context.n + event.by }) } },
});

const second = setup({
  types: {} as { context: { count: number }; events: { type: 'add'; by: number } },
}).createMachine({
  context: { count: 0 },
  initial: 'idle',
  states: { idle: {} },
  on: { add: { actions: assign({ count: ({ context, event }) => context.count + event.by }) } },
});

const third = setup({
  types: {} as { context: { count: number; last: number | null }; events: { type: 'add'; by: number } },
}).createMachine({
  context: { count: 0, last: null },
  initial: 'open',
  states: { open: {} },
  on: {
    add: {
      actions: assign({ count: ({ context, event }) => context.count + event.by, last: ({ event }) => event.by }),
    },
  },
});

const toSecond = (snapshot: Json): Json => {
  const { context, ...rest } = snapshot as object as Stored<{ n: number }>;
  return { ...rest, context: { count: context.n } } as object as Json;
};
const toThird = (snapshot: Json): Json => {
  const { context, ...rest } = snapshot as object as Stored<{ count: number }>;
  return { ...rest, value: 'open', context: { ...context, last: null } } as object as Json;
};

export const First = defineActor('thing', { machine: first });
export const Second = defineActor('thing', { machine: second, version: 2, migrate: { 1: toSecond } });
export const Third = defineActor('thing', { machine: third, version: 3, migrate: { 1: toSecond, 2: toThird } });
/** A release that has forgotten how to bring the first one's records to its own. */
export const Forgetful = defineActor('thing', { machine: third, version: 3, migrate: { 2: toThird } });

const record = (machineVersion: number, machine: Json): ActorRecord => ({
  id: 'thing:a',
  version: 4,
  machineVersion,
  commitId: '1700000000000000:4',
  snapshot: { machine, runs: {}, mark: 0 },
  timers: [],
  outbox: [],
});

export const records = {
  first: record(1, { value: 'idle', context: { n: 7 } }),
  second: record(2, { value: 'idle', context: { count: 7 } }),
  third: record(3, { value: 'open', context: { count: 7, last: 2 } }),
  fourth: record(4, { value: 'open', context: { count: 7, last: 2 } }),
};
