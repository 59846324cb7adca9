// Commit batch
//
// Several calls of `commit` as the keys and arguments of one script, and its answers taken apart.
// The order here is the order in which `commitScript` reads.

import type { FencingToken } from '@devmentor/locks';
import { CoordinationError } from '@devmentor/locks';
import { jsonValue } from './json-text.ts';
import type { TopicEvent } from './log-store.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import type { RedisNamespace } from './redis-namespace.ts';
import type { Reply } from './redis-reply.ts';
import { list, text } from './redis-reply.ts';
import type { CommitOutcome, Epoch, SenderId, Settled, Shard } from './state-store.ts';
import { idCollision, recordUnreadable, recordVersionUnsupported } from './store-faults.ts';
import type { StoreLimits } from './store-limits.ts';

/** One call of `commit`: fenced as a whole. */
export interface CommitCall {
  readonly shard: Shard;
  readonly epoch: Epoch;
  readonly commits: readonly PreparedCommit[];
}

export interface ScriptInput {
  readonly keys: string[];
  readonly args: (string | number)[];
}

/** What one script takes: about 2 ms of the server's time. */
const mostCommits = 128;
const mostBytes = 2 * 1024 * 1024;

/** Calls in their order, in batches that do not keep the server from others for long. A call is never cut. */
export function inBatches(calls: readonly CommitCall[]): readonly (readonly CommitCall[])[] {
  const batches: CommitCall[][] = [];
  let commits = 0;
  let bytes = 0;
  for (const call of calls) {
    const size = call.commits.reduce((sum, { snapshot, timers }) => sum + snapshot.length + timers.length, 0);
    commits += call.commits.length;
    bytes += size;
    const last = batches.at(-1);
    if (last !== undefined && commits <= mostCommits && bytes <= mostBytes) {
      last.push(call);
    } else {
      batches.push([call]);
      commits = call.commits.length;
      bytes = size;
    }
  }
  return batches;
}

export function writeBatch(calls: readonly CommitCall[], namespace: RedisNamespace, limits: StoreLimits): ScriptInput {
  const input: ScriptInput = {
    keys: [],
    args: [limits.unsettledPerSender, limits.senderSilenceMs, limits.nodeSenders, limits.actorLanes, calls.length],
  };
  for (const { shard, epoch, commits } of calls) {
    input.keys.push(
      namespace.shardKey(shard, 'own'),
      namespace.shardKey(shard, 'timers'),
      namespace.shardKey(shard, 'outbox'),
    );
    input.args.push(epoch, commits.length);
    for (const commit of commits) writeCommit(commit, namespace, input);
  }
  return input;
}

/**
 * A letter says how a commit is written: `n`, `a`, of messages of one node or of one actor and
 * nothing else; `g`, general, which says where it ends, so that one that fails leaves the reader there.
 */
function writeCommit({ commit, ...texts }: PreparedCommit, namespace: RedisNamespace, input: ScriptInput): void {
  const { keys, args } = input;
  const { id, commitId, basis, machineVersion, fence, outbox, events, closes = [] } = commit;
  const senders = bySender(commit.settles, texts.replies);
  const isGeneral =
    senders.size !== 1 ||
    fence !== undefined ||
    events.length > 0 ||
    outbox.remove.length > 0 ||
    outbox.add.length > 0 ||
    closes.length > 0;
  const hasNodes = commit.settles.some(({ sender }) => !sender.includes(':'));
  if (isGeneral) args.push('g', 0, 0);
  else args.push(hasNodes ? 'n' : 'a');
  const end = args.length;
  keys.push(namespace.key('actor', id));
  if (hasNodes) keys.push(namespace.key('nodes', id));
  args.push(id, commitId, basis, basis + 1, machineVersion, texts.snapshot, texts.timers, texts.dueAtMs ?? '');
  if (isGeneral) args.push(fence ?? '', senders.size);
  for (const [sender, { floor, numbers }] of senders)
    args.push(`from:${sender}`, floor, numbers.length / 2, ...numbers);
  if (!isGeneral) return;
  args.push(closes.length);
  for (const { sender, n } of closes) args.push(`from:${sender}`, n);
  if (fence !== undefined) keys.push(namespace.key('guard', id));
  args.push(events.length);
  if (events.length > 0) keys.push(namespace.key('log', id));
  for (const [i, { type }] of events.entries()) args.push(type, texts.events[i] ?? 'null');
  args.push(outbox.remove.length, outbox.add.length);
  if (outbox.remove.length + outbox.add.length > 0) keys.push(namespace.key('out', id));
  for (const { to, n } of outbox.remove) args.push(rowField(to, n));
  for (const [i, { to, n }] of outbox.add.entries()) args.push(rowField(to, n), texts.outbox[i] ?? 'null');
  args[end - 2] = keys.length;
  args[end - 1] = args.length;
}

/** What a commit of a plain form is answered with, and a whole batch of such. */
export const plainlyCommitted = 1;

/** Each sender's highest floor, and its numbers with their replies (`''` for none) in one list. */
function bySender(settles: readonly Settled[], replies: readonly (string | undefined)[]) {
  const senders = new Map<SenderId, { floor: number; readonly numbers: (number | string)[] }>();
  for (const [i, { sender, n, floor }] of settles.entries()) {
    const group = senders.get(sender) ?? { floor: 0, numbers: [] };
    group.floor = Math.max(group.floor, floor);
    group.numbers.push(n, replies[i] ?? '');
    senders.set(sender, group);
  }
  return senders;
}

/** The outcome of one commit. */
export function readOutcome(reply: unknown, { commit, ...texts }: PreparedCommit): CommitOutcome {
  if (reply === plainlyCommitted) return { kind: 'committed', version: commit.basis + 1, events: [] };
  const [kind, ...facts] = list(reply);
  switch (kind) {
    case 'committed': {
      // Events with two facts before them, then senders whose lanes are crowded.
      const crowded = facts.slice(commit.events.length === 0 ? 0 : commit.events.length + 2).map(text);
      return {
        kind,
        version: commit.basis + 1,
        events: readEvents(
          facts,
          commit.id,
          commit.events.map(({ type }, i) => ({ type, text: texts.events[i] ?? 'null' })),
        ),
        ...(crowded.length === 0 ? {} : { crowded }),
      };
    }
    case 'conflict':
      return { kind, version: Number(facts[0]), commitId: text(facts[1]) };
    case 'stale':
      return { kind, guard: text(facts[0]) as FencingToken };
    case 'duplicate':
      return { kind, settled: readDuplicates(facts, commit.settles) };
    case 'closed':
      return { kind, sender: text(facts[0]), floor: Number(facts[1]) };
    case 'overloaded':
      return { kind, sender: text(facts[0]) };
    case 'unknown-version':
      return { kind: 'refused', fault: recordVersionUnsupported(commit.id, text(facts[0])) };
    case 'collision':
      return { kind: 'refused', fault: idCollision(commit.id) };
    default:
      return { kind: 'refused', fault: recordUnreadable(commit.id, text(facts[0])) };
  }
}

/** Topic events from `prev, atMs, id…` and what was appended. */
export function readEvents(
  facts: Reply,
  topic: string,
  appended: readonly { readonly type: string; readonly text: string }[],
): readonly TopicEvent[] {
  let prev = appended.length === 0 ? '' : text(facts[0]);
  return appended.map((event, i) => {
    const id = text(facts[2 + i]);
    const read = { topic, id, prev, type: event.type, atMs: Number(facts[1]), data: jsonValue(event.text) };
    prev = id;
    return read;
  });
}

export function rowField(to: string, n: number): string {
  return `${n} ${to}`;
}

function readDuplicates(facts: Reply, settles: readonly Settled[]) {
  const found = new Map<string, { readonly reply: string; readonly isCrowded: boolean }>();
  for (let i = 0; i < facts.length; i += 4)
    found.set(`${text(facts[i + 1])} ${text(facts[i])}`, {
      reply: text(facts[i + 2]),
      isCrowded: text(facts[i + 3]) !== '',
    });
  return settles.flatMap(({ sender, n }) => {
    const before = found.get(`${n} ${sender}`);
    if (before === undefined) return [];
    const crowded = before.isCrowded ? { crowded: true as const } : {};
    return [
      before.reply === '' ? { sender, n, ...crowded } : { sender, n, reply: jsonValue(before.reply), ...crowded },
    ];
  });
}

/** What a server says that takes no writes at all just now. */
const refusal = /^(OOM|MISCONF|READONLY|NOREPLICAS|MASTERDOWN)/;

/**
 * A fault for a call of which the server refused commits for reasons of its own: out of memory,
 * a replica by now. It is no fault of a record, so the call is to be made again.
 */
export function refusedCall(replies: Reply): CoordinationError | undefined {
  const refused = replies.filter(
    (reply): reply is Reply => Array.isArray(reply) && reply[0] === 'fault' && refusal.test(text(reply[1])),
  );
  if (refused.length === 0) return undefined;
  const applied = refused.length === replies.length ? 'no' : 'unknown';
  return new CoordinationError('STORE_UNAVAILABLE', `Redis refused the commit: ${text(refused[0]?.[1])}`, { applied });
}
