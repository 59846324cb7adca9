// What every case of the bench of commits writes: one actor's record, and the message it settles.
import type { ActorId, Commit, Epoch } from '@devmentor/runtime';

const snapshot = {
  machine: { value: 'editing', context: { name: 'Press', notes: 'x'.repeat(400) } },
  runs: {},
  mark: 1,
};

export const idOf = (n: number): ActorId => `a:${n}`;

/** The commit upon the version `basis`: a node's message was taken, and answered. */
export function commitOf(id: ActorId, basis: number, epoch: Epoch): Commit {
  return {
    id,
    commitId: `${epoch}:${basis}`,
    basis,
    machineVersion: 1,
    snapshot,
    timers: [],
    outbox: { add: [], remove: [] },
    settles: [{ sender: 'node-1', n: basis + 1, floor: basis + 1, reply: { ok: true } }],
    events: [],
    isJson: true,
  };
}
