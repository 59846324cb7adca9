import { defineActor, reply, returns } from '@devmentor/runtime';
import { assign, setup } from 'xstate';
import { takesTheNext } from '../supervision.ts';

/** A name somebody logs in with. */
export type AccountContext = { readonly account: Account | null };

export type Account = {
  readonly userId: string;
  readonly passwordHash: string;
  readonly username: string;
  readonly displayName: string;
  readonly createdAtMs: number;
};

export type AccountCommand = { readonly type: 'open'; readonly account: Account };

export type OpenReply = { readonly kind: 'opened' | 'taken' };

const machine = setup({ types: {} as { context: AccountContext; events: AccountCommand } }).createMachine({
  id: 'account',
  context: { account: null } as AccountContext,
  on: {
    open: [
      // The answer is computed from the context before the assignment, so it says who came first.
      {
        guard: ({ context }) => context.account === null,
        actions: [reply({ kind: 'opened' }), assign({ account: ({ event }) => event.account })],
      },
      { actions: reply({ kind: 'taken' }) },
    ],
  },
});

/** `account:<username>`: one name, one account, however many ask for it at once. */
export const AccountActor = defineActor('account', {
  machine,
  supervise: takesTheNext,
  replies: { open: returns<OpenReply>() },
});
