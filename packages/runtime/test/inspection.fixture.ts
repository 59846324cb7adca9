import { setup } from 'xstate';
import { defineActor } from '../src/index.ts';

export const Keeper = defineActor('keeper', {
  machine: setup({ types: {} as { events: { type: 'keep' } } }).createMachine({ on: { keep: { actions: () => {} } } }),
  lint: { silence: ['inline-action'] },
});
