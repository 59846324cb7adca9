// Mutants
//
// Stores that break one rule each, made by wrapping the real one: what a caller sees of them is
// what a library without that rule would do.
import { fenceOf, parseFence } from '../../src/index.ts';
import type { CommandKind, CommandOf, LeaseCommand, LeaseStore, OnNotice, Replies, Reply } from './product.ts';

type Ask = (command: LeaseCommand) => Promise<Reply>;
/** What a mutant makes of a command; `ask` is the store as it should be. */
type Change = (command: LeaseCommand, ask: Ask) => Promise<Reply>;

/** A store that goes through `change`, and otherwise is the one it wraps. */
function changed(store: LeaseStore, change: Change): LeaseStore {
  const ask: Ask = (command) => store.submit(command as never);
  return wrapped(store, {
    submit: async <K extends CommandKind>(command: CommandOf<K>): Promise<Replies[K]> =>
      (await change(command, ask)) as Replies[K],
  });
}

function wrapped(store: LeaseStore, parts: Partial<LeaseStore>): LeaseStore {
  return {
    buckets: store.buckets,
    commandTimeoutMs: store.commandTimeoutMs,
    open: () => store.open(),
    submit: (command) => store.submit(command),
    sweep: () => store.sweep(),
    bucketOf: (resource) => store.bucketOf(resource),
    list: (query) => store.list(query),
    readLog: (bucket, after, limit) => store.readLog(bucket, after, limit),
    listen: (listener, onNotice) => store.listen(listener, onNotice),
    hints: (bucket, onHint) => store.hints(bucket, onHint),
    close: () => store.close(),
    ...parts,
  };
}

async function heldNow(resource: string, ask: Ask): Promise<Extract<Reply, { kind: 'renewed' }>['view'] | undefined> {
  const { view } = (await ask({ kind: 'inspect', resource })) as Replies['inspect'];
  return view.kind === 'held' ? view : undefined;
}

/** Every fence in it, and in what hangs on it, by another name. */
function refenced<T>(value: T, rename: (fence: string) => string): T {
  if (Array.isArray(value)) return value.map((one: unknown) => refenced(one, rename)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      name === 'fence' && one !== '' ? rename(one) : refenced(one, rename),
    ]),
  ) as T;
}

function renamingFences(store: LeaseStore, rename: (fence: string) => string): LeaseStore {
  return wrapped(store, {
    submit: async (command) => refenced(await store.submit(command), rename),
    readLog: async (bucket, after, limit) => refenced(await store.readLog(bucket, after, limit), rename),
    listen: (listener, onNotice: OnNotice) => store.listen(listener, (notice) => onNotice(refenced(notice, rename))),
  });
}

/** By the rule that each lacks. */
export const mutants: Readonly<Record<string, (store: LeaseStore) => LeaseStore>> = {
  'a release compares the lease (compare-and-delete)': (store) =>
    changed(store, async (command, ask) => {
      if (command.kind !== 'release') return ask(command);
      const held = await heldNow(command.resource, ask);
      return ask({ ...command, leaseId: held?.leaseId ?? command.leaseId });
    }),

  'a renewal never makes a lease': (store) =>
    changed(store, async (command, ask) => {
      const reply = await ask(command);
      if (command.kind !== 'renew' || reply.kind !== 'ended') return reply;
      const { resource, leaseId } = command;
      const again = { resource, leaseId, requestId: `again ${leaseId}`, holder: { id: 'again' }, instance: leaseId };
      await ask({ kind: 'request', ...again, ttlMs: 1_000, meta: undefined, waitMs: 0, listener: '' });
      return ask(command);
    }),

  'a fence outlives the memory of the store (no plain counter)': (store) => {
    const numbers = new Map<string, string>();
    return renamingFences(store, (fence) => {
      const number = numbers.get(fence) ?? fenceOf(numbers.size + 1);
      numbers.set(fence, number);
      return number;
    });
  },

  'every grant has a fence of its own': (store) =>
    // As if it counted in seconds.
    renamingFences(store, (fence) => parseFence(`${fence.slice(0, 10)}000000`)),

  'nobody passes those who wait (no barging)': (store) =>
    changed(store, async (command, ask) => {
      if (command.kind !== 'request') return ask(command);
      const held = await heldNow(command.resource, ask);
      if (held?.offered !== true || held.requestId === command.requestId) return ask(command);
      // Whoever comes while the resource is on offer snatches it.
      const { resource } = command;
      await ask({ ...command, kind: 'takeover', graceMs: 0, onSilence: 'grant', force: true, reason: undefined });
      const { view } = (await ask({ kind: 'inspect', resource })) as Replies['inspect'];
      return view.kind === 'held' ? { kind: 'held', view } : ask(command);
    }),

  'a request that is over stays over': (store) =>
    changed(store, async (command, ask) => {
      const reply = await ask(command);
      if (command.kind !== 'request' || reply.kind !== 'gone') return reply;
      return ask({ ...command, requestId: `${command.requestId} again`, leaseId: `${command.leaseId} again` });
    }),

  'a repeated request is the same request': (store) => {
    let count = 0;
    return changed(store, async (command, ask) => {
      if (command.kind !== 'request') return ask(command);
      count += 1;
      return ask({ ...command, requestId: `${command.requestId} ${count}`, leaseId: `${command.leaseId} ${count}` });
    });
  },

  'who waits no longer is not offered anything': (store) =>
    changed(store, async (command, ask) => {
      if (command.kind === 'request' && command.waitMs > 0) return ask({ ...command, waitMs: 3_600_000 });
      return ask(command);
    }),

  'a cancelled request is never granted': (store) =>
    changed(store, (command, ask) => (command.kind === 'cancel' ? Promise.resolve({ kind: 'left' }) : ask(command))),

  'a lease ends in its time': (store) =>
    changed(store, async (command, ask) => {
      const reply = await ask(command);
      // Told a term that the store does not keep.
      if (reply.kind !== 'renewed') return reply;
      return { kind: 'renewed', view: { ...reply.view, remainingMs: reply.view.remainingMs + 2_000 } };
    }),

  'silence to a waiter is not for ever': (store) =>
    changed(store, async (command, ask) => {
      const reply = await ask(command);
      // Loses the place of whoever repeats its request, and says that all is well.
      if (command.kind === 'request' && reply.kind === 'queued')
        await ask({ kind: 'cancel', resource: command.resource, requestId: command.requestId });
      return reply;
    }),
};
