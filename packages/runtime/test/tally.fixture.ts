// An actor that checks what it is told: every writer numbers its tells, one after another.
import { assign, setup } from 'xstate';
import { defineActor } from '../src/index.ts';

export interface TallyContext {
  /** Last number of each writer. */
  readonly last: Readonly<Record<string, number>>;
  /** Numbers that were passed over, as `writer n`. */
  readonly missing: readonly string[];
  /** Numbers that came twice, as `writer n`. */
  readonly doubled: readonly string[];
}

export const Tally = defineActor('tally', {
  machine: setup({
    types: {} as { context: TallyContext; events: { type: 'note'; writer: string; n: number } },
  }).createMachine({
    context: { last: {}, missing: [], doubled: [] },
    on: {
      note: {
        actions: assign(({ context, event: { writer, n } }) => {
          const last = context.last[writer] ?? 0;
          const name = `${writer} ${n}`;
          if (context.missing.includes(name))
            return { ...context, missing: context.missing.filter((other) => other !== name) };
          if (n <= last) return { ...context, doubled: [...context.doubled, name] };
          const passed = Array.from({ length: n - last - 1 }, (_, i) => `${writer} ${last + 1 + i}`);
          return { ...context, last: { ...context.last, [writer]: n }, missing: [...context.missing, ...passed] };
        }),
      },
    },
  }),
});
