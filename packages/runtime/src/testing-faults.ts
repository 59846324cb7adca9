// Faults that a test injects between a node and its ports.
import { CoordinationError } from '@devmentor/locks';
import type { Commit, StateStore } from './state-store.ts';
import type { RequestOutcome, Transport } from './transport.ts';

/**
 * `lost-reply`: applied, and the answer never came. The others are the same to the caller, but
 * `not-applied`: nothing happened; `late`: it is still on its way to the store.
 */
export type CommitFault = 'none' | 'lost-reply' | 'not-applied' | 'late';

/** A port of which one member is another; the rest is passed on. */
export function replacing<Port extends object, Name extends keyof Port>(port: Port, name: Name, by: Port[Name]): Port {
  return new Proxy(port, {
    get(target, asked) {
      if (asked === name) return by;
      const member: unknown = Reflect.get(target, asked, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** A store whose commits fail as `decide` says; a late one arrives when what `late` was given is run. */
export function withCommitFaults(
  store: StateStore,
  decide: (commits: readonly Commit[]) => CommitFault,
  late: (arrive: () => Promise<unknown>) => void = () => {},
): StateStore {
  return replacing(store, 'commit', async (shard, epoch, commits) => {
    const fault = decide(commits);
    if (fault === 'none') return await store.commit(shard, epoch, commits);
    if (fault === 'lost-reply') await store.commit(shard, epoch, commits);
    if (fault === 'late') late(() => store.commit(shard, epoch, commits));
    throw new CoordinationError('REPLY_LOST', 'the reply was lost', { applied: 'unknown' });
  });
}

/** What becomes of one request: a lost reply and a lost request look alike to the one who asked. */
export type RequestFault = 'none' | 'lost-request' | 'lost-reply' | 'duplicate';

/** A transport whose requests fail as `decide` says. */
export function withRequestFaults(transport: Transport, decide: (subject: string) => RequestFault): Transport {
  const lost: RequestOutcome = { kind: 'lost', why: 'deadline' };
  return replacing(transport, 'request', async (subject, body, options) => {
    switch (decide(subject)) {
      case 'none':
        return await transport.request(subject, body, options);
      case 'lost-request':
        return lost;
      case 'lost-reply':
        await transport.request(subject, body, options);
        return lost;
      case 'duplicate': {
        const [first] = await Promise.all([
          transport.request(subject, body, options),
          transport.request(subject, body, options),
        ]);
        return first;
      }
    }
  });
}
