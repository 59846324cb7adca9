// Faults that a test injects between a node and its ports.
import { CoordinationError } from '@devmentor/locks';
import type { Commit, StateStore } from './state-store.ts';
import type { RequestOutcome, Transport } from './transport.ts';

/**
 * `lost-reply`: applied, and the answer never came. The others are the same to the caller, but
 * `not-applied`: nothing happened; `late`: it is still on its way to the store.
 */
export type CommitFault = 'none' | 'lost-reply' | 'not-applied' | 'late';

/** A store whose commits fail as `decide` says; a late one arrives when what `late` was given is run. */
export function withCommitFaults(
  store: StateStore,
  decide: (commits: readonly Commit[]) => CommitFault,
  late: (arrive: () => Promise<unknown>) => void = () => {},
): StateStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (name !== 'commit') return typeof member === 'function' ? member.bind(target) : member;
      const commit: StateStore['commit'] = async (shard, epoch, commits) => {
        const fault = decide(commits);
        if (fault === 'none') return await target.commit(shard, epoch, commits);
        if (fault === 'lost-reply') await target.commit(shard, epoch, commits);
        if (fault === 'late') late(() => target.commit(shard, epoch, commits));
        throw new CoordinationError('REPLY_LOST', 'the reply was lost', { applied: 'unknown' });
      };
      return commit;
    },
  });
}

/** What becomes of one request: a lost reply and a lost request look alike to the one who asked. */
export type RequestFault = 'none' | 'lost-request' | 'lost-reply' | 'duplicate';

/** A transport whose requests fail as `decide` says. */
export function withRequestFaults(transport: Transport, decide: (subject: string) => RequestFault): Transport {
  const lost: RequestOutcome = { kind: 'lost', why: 'deadline' };
  return {
    get status() {
      return transport.status;
    },
    onStatus: (listener) => transport.onStatus(listener),
    publish: (subject, body) => transport.publish(subject, body),
    subscribe: (subject, handler, options) => transport.subscribe(subject, handler, options),
    close: () => transport.close(),
    request: async (subject, body, options) => {
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
    },
  };
}
