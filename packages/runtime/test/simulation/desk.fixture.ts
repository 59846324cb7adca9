// A desk in a library: taken and left, with a lamp, a bell for who stays too long, and people who wait to be told
// that it is free.
import { assign, setup } from 'xstate';
import { defineActor, type ReplyAddress, reply, replyAddress, returns } from '../../src/index.ts';

export type DeskEvent =
  | { type: 'sit'; who: string }
  | { type: 'leave' }
  | { type: 'switch' }
  | { type: 'note'; text: string; page?: number }
  | { type: 'count' }
  | { type: 'spill' }
  | { type: 'await' }
  | { type: 'moved' }
  | { type: 'room.aired' };

interface Desk {
  readonly who: string | null;
  readonly sat: number;
  readonly rung: number;
  readonly notes: readonly string[];
  readonly waiting: readonly ReplyAddress[];
}

export const deskMachine = setup({
  types: {} as { context: Desk; events: DeskEvent },
  delays: { tooLong: 400 },
}).createMachine({
  type: 'parallel',
  context: { who: null, sat: 0, rung: 0, notes: [], waiting: [] },
  on: {
    count: { actions: reply(({ context }) => ({ sat: context.sat, notes: context.notes.length })) },
    spill: {
      actions: assign(() => {
        throw new Error('coffee');
      }),
    },
  },
  states: {
    seat: {
      initial: 'free',
      states: {
        free: {
          on: {
            sit: {
              target: 'taken',
              actions: [
                assign({ who: ({ event }) => event.who, sat: ({ context }) => context.sat + 1 }),
                reply(({ context }) => ({ kind: 'yours', sat: context.sat })),
              ],
            },
          },
        },
        taken: {
          initial: 'quiet',
          on: {
            sit: { actions: reply(({ context }) => ({ kind: 'taken', by: context.who })) },
            note: { actions: assign({ notes: ({ context, event }) => [...context.notes, event.text] }) },
            await: {
              actions: assign({
                waiting: ({ context, event }) => {
                  const address = replyAddress(event);
                  return address === null ? context.waiting : [...context.waiting, address];
                },
              }),
            },
            leave: {
              target: 'free',
              actions: [
                reply({
                  to: ({ context }) => context.waiting[0] ?? null,
                  value: ({ context }) => `left by ${context.who}`,
                }),
                assign({ who: null, waiting: ({ context }) => context.waiting.slice(1) }),
              ],
            },
          },
          states: {
            quiet: {
              after: { tooLong: { target: 'overdue', actions: assign({ rung: ({ context }) => context.rung + 1 }) } },
            },
            overdue: {},
          },
        },
      },
    },
    lamp: {
      initial: 'off',
      states: { off: { on: { switch: 'on' } }, on: { on: { switch: 'off' } } },
    },
    room: { on: { moved: {}, 'room.*': { actions: () => {} } } },
  },
});

export const Desk = defineActor('desk', {
  machine: deskMachine,
  replies: {
    sit: returns<{ kind: 'yours'; sat: number } | { kind: 'taken'; by: string }>(),
    count: returns<{ sat: number; notes: number }>(),
    await: returns<string>(),
  },
  supervise: { directive: 'resume' },
  lint: { silence: ['inline-action'] },
});
