// Prepared commit
//
// A commit as the text that is stored. Both adapters prepare commits here, so what one of them
// refuses the other refuses too, before anything is sent.

import type { CoordinationError } from '@devmentor/locks';
import { assert } from '@devmentor/locks';
import type { Json } from './json.ts';
import { jsonText, knownJsonText } from './json-text.ts';
import { isLane } from './lanes.ts';
import type { Commit } from './state-store.ts';
import { isFault } from './store-faults.ts';
import { checkKey } from './store-key.ts';
import type { StoreLimits } from './store-limits.ts';
import { rowText } from './traceparent.ts';

export interface PreparedCommit {
  readonly kind: 'prepared';
  readonly commit: Commit;
  readonly snapshot: string;
  /** JSON of all timers; `''` for none. */
  readonly timers: string;
  /** Earliest timer. */
  readonly dueAtMs: number | undefined;
  /** Rows of `outbox.add` (`rowText`), replies of `settles` and data of `events`, in their order. */
  readonly outbox: readonly string[];
  readonly replies: readonly (string | undefined)[];
  readonly events: readonly string[];
}

export function prepareCommit(
  commit: Commit,
  limits: StoreLimits,
): PreparedCommit | { readonly kind: 'refused'; readonly fault: CoordinationError } {
  assertNumbers(commit);
  try {
    return prepared(commit, limits);
  } catch (error) {
    if (isFault(error)) return { kind: 'refused', fault: error };
    throw error;
  }
}

function prepared(commit: Commit, limits: StoreLimits): PreparedCommit {
  checkKey(commit.id);
  for (const { to } of commit.outbox.add) checkKey(to);
  // One walk over each value is enough: either where it was made, or here.
  const text = commit.isJson === true ? knownJsonText : jsonText;
  const message = (value: Json, path: string) => text(value, path, limits.messageBytes);
  return {
    kind: 'prepared',
    commit,
    snapshot: text(commit.snapshot, 'snapshot', limits.snapshotBytes),
    timers: commit.timers.length === 0 ? '' : text(commit.timers.map(plainTimer), 'timers', limits.snapshotBytes),
    dueAtMs: commit.timers.length === 0 ? undefined : Math.min(...commit.timers.map((timer) => timer.dueAtMs)),
    outbox: commit.outbox.add.map((row, i) => rowText(row.traceparent, message(row.event, `outbox[${i}].event`))),
    replies: commit.settles.map((settled, i) =>
      settled.reply === undefined ? undefined : message(settled.reply, `settles[${i}].reply`),
    ),
    events: commit.events.map((event, i) => message(event.data, `events[${i}].data`)),
  };
}

function plainTimer({ id, generation, dueAtMs, event, traceparent }: Commit['timers'][number]): Json {
  return { id, generation, dueAtMs, event, ...(traceparent === undefined ? {} : { traceparent }) };
}

/** Numbers come from the runtime, never from outside: a wrong one is a bug. */
function assertNumbers(commit: Commit): void {
  assert(isCount(commit.basis), 'a commit starts from a version');
  assert(isCount(commit.machineVersion), 'a machine version is a whole number');
  for (const { n, floor } of commit.settles) {
    assert(isCount(n) && isCount(floor), 'messages are numbered in whole numbers');
    assert(floor <= n, 'a floor is at most the number it comes with');
  }
  // One by one, most commits settle a single message.
  if (commit.settles.length > 1) {
    const named = new Set(commit.settles.map(({ sender, n }) => `${n} ${sender}`));
    assert(named.size === commit.settles.length, 'a commit settles a message once');
  }
  for (const { sender, n } of commit.closes ?? [])
    assert(isCount(n) && isLane(sender), "a lane is an actor's and closed up to a whole number");
  for (const row of [...commit.outbox.add, ...commit.outbox.remove])
    assert(isCount(row.n), 'outbox rows are numbered in whole numbers');
}

function isCount(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}
