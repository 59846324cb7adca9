import type { ActorId } from './actor-id.ts';
import { actorRecord, type RecordTexts, type RowText } from './actor-record.ts';
import { jsonValue } from './json-text.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import { isSettled, nothingSettled, type Settlement, settle } from './settlement.ts';
import type { ActorRecord, CommitOutcome, SenderId } from './state-store.ts';
import type { StoreLimits } from './store-limits.ts';

const unborn: RecordTexts = { version: 0, machineVersion: 0, commitId: '', snapshot: 'null', timers: '', cursor: '' };

/** One actor of the memory store; everything of the caller's is JSON text. */
export class MemoryActor {
  readonly #limits: StoreLimits;
  #texts = unborn;
  #dueAtMs: number | undefined;
  readonly #outbox = new Map<string, RowText>();
  readonly #nextOut = new Map<ActorId, number>();
  readonly #actorSenders = new Map<SenderId, Settlement>();
  /** In the order in which they were last seen. */
  readonly #nodeSenders = new Map<SenderId, { readonly settlement: Settlement; readonly seenMs: number }>();

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  get dueAtMs(): number | undefined {
    return this.#dueAtMs;
  }

  get owes(): boolean {
    return this.#outbox.size > 0;
  }

  record(id: ActorId): ActorRecord {
    return actorRecord(id, this.#texts, this.#outbox.values(), this.#nextOut);
  }

  /** Why the commit cannot be written onto what is stored; nothing is changed. */
  refusal({ commit, replies }: PreparedCommit, nowMs: number): CommitOutcome | undefined {
    const { version, commitId } = this.#texts;
    if (version !== commit.basis) return { kind: 'conflict', version, commitId };
    const settled = commit.settles.filter(({ sender, n }) => isSettled(this.#settlement(sender, nowMs), n));
    if (settled.length > 0) {
      return { kind: 'duplicate', settled: settled.map(({ sender, n }) => this.#settled(sender, n, nowMs)) };
    }
    for (const [sender, { kept }] of this.#settledBy(commit.settles, replies, nowMs)) {
      if (kept.size > this.#limits.unsettledPerSender) return { kind: 'overloaded', sender };
    }
    return undefined;
  }

  /** Writes a commit that was not refused; `cursor` is its last event, `''` without one. Answers the version. */
  write({ commit, ...texts }: PreparedCommit, cursor: string, nowMs: number): number {
    const { machineVersion, commitId, outbox } = commit;
    const { snapshot, timers } = texts;
    for (const [sender, settlement] of this.#settledBy(commit.settles, texts.replies, nowMs)) {
      this.#keep(sender, settlement, nowMs);
    }
    for (const { to, n } of outbox.remove) this.#outbox.delete(rowKey(to, n));
    for (const [i, { to, n }] of outbox.add.entries()) {
      this.#outbox.set(rowKey(to, n), { to, n, text: texts.outbox[i] ?? 'null' });
      this.#nextOut.set(to, Math.max(this.#nextOut.get(to) ?? 0, n + 1));
    }
    const version = this.#texts.version + 1;
    this.#dueAtMs = texts.dueAtMs;
    this.#texts = { version, machineVersion, commitId, snapshot, timers, cursor: cursor || this.#texts.cursor };
    return version;
  }

  #settledBy(settles: PreparedCommit['commit']['settles'], replies: PreparedCommit['replies'], nowMs: number) {
    const senders = new Map<SenderId, Settlement>();
    for (const [i, { sender, n, floor }] of settles.entries()) {
      const before = senders.get(sender) ?? this.#settlement(sender, nowMs);
      senders.set(sender, settle(before, n, floor, replies[i]));
    }
    return senders;
  }

  #settled(sender: SenderId, n: number, nowMs: number) {
    const reply = this.#settlement(sender, nowMs).kept.get(n);
    return reply === undefined ? { sender, n } : { sender, n, reply: jsonValue(reply) };
  }

  #settlement(sender: SenderId, nowMs: number): Settlement {
    if (isActor(sender)) return this.#actorSenders.get(sender) ?? nothingSettled;
    const known = this.#nodeSenders.get(sender);
    return known === undefined || this.#isForgotten(known.seenMs, nowMs) ? nothingSettled : known.settlement;
  }

  #keep(sender: SenderId, settlement: Settlement, nowMs: number): void {
    if (isActor(sender)) {
      this.#actorSenders.set(sender, settlement);
      return;
    }
    this.#nodeSenders.delete(sender);
    this.#nodeSenders.set(sender, { settlement, seenMs: nowMs });
    for (const [silent, { seenMs }] of this.#nodeSenders) {
      if (this.#nodeSenders.size <= this.#limits.nodeSenders && !this.#isForgotten(seenMs, nowMs)) return;
      this.#nodeSenders.delete(silent);
    }
  }

  #isForgotten(seenMs: number, nowMs: number): boolean {
    return nowMs - seenMs > this.#limits.senderSilenceMs;
  }
}

function isActor(sender: SenderId): boolean {
  return sender.includes(':');
}

function rowKey(to: ActorId, n: number): string {
  return `${n} ${to}`;
}
