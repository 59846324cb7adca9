import type { ActorId } from './actor-id.ts';
import { actorRecord, type RecordTexts, type RowText } from './actor-record.ts';
import { checkCommit, type Fits, type KnownSender } from './commit-check.ts';
import { isLane, noLanes } from './lanes.ts';
import type { PreparedCommit } from './prepared-commit.ts';
import type { ActorRecord, SenderId } from './state-store.ts';
import type { StoreLimits } from './store-limits.ts';

const unborn: RecordTexts = { version: 0, machineVersion: 0, commitId: '', snapshot: 'null', timers: '', cursor: '' };

/** One actor of the memory store; everything of the caller's is JSON text. */
export class MemoryActor {
  readonly #limits: StoreLimits;
  #texts = unborn;
  #dueAtMs: number | undefined;
  readonly #outbox = new Map<string, RowText>();
  readonly #actorSenders = new Map<SenderId, KnownSender>();
  #lanes = noLanes;
  /** In the order in which they were last seen. */
  readonly #nodeSenders = new Map<SenderId, KnownSender>();

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
    return actorRecord(id, this.#texts, this.#outbox.values());
  }

  /** Whether the commit fits onto what is stored; nothing is changed. */
  check(prepared: PreparedCommit, nowMs: number): ReturnType<typeof checkCommit> {
    const { version, commitId } = this.#texts;
    const senders = {
      get: (sender: SenderId) => (isLane(sender) ? this.#actorSenders : this.#nodeSenders).get(sender),
    };
    return checkCommit(prepared, { version, commitId, lanes: this.#lanes, senders }, nowMs, this.#limits);
  }

  /** Writes a commit that fits; `cursor` is its last event, `''` without one. Answers the version. */
  write({ commit, ...texts }: PreparedCommit, { settlements, lanes }: Fits, cursor: string, nowMs: number): number {
    const { machineVersion, commitId, outbox } = commit;
    const { snapshot, timers } = texts;
    for (const [sender, settlement] of settlements)
      this.#keep(sender, { settlement, seenMs: nowMs, crowded: lanes.crowded.includes(sender) });
    for (const sender of lanes.ended) this.#actorSenders.delete(sender);
    this.#lanes = lanes.after;
    for (const { to, n } of outbox.remove) this.#outbox.delete(rowKey(to, n));
    for (const [i, { to, n }] of outbox.add.entries()) {
      this.#outbox.set(rowKey(to, n), { to, n, text: texts.outbox[i] ?? 'null' });
    }
    const version = this.#texts.version + 1;
    this.#dueAtMs = texts.dueAtMs;
    this.#texts = { version, machineVersion, commitId, snapshot, timers, cursor: cursor || this.#texts.cursor };
    return version;
  }

  #keep(sender: SenderId, known: KnownSender): void {
    if (isLane(sender)) {
      this.#actorSenders.set(sender, known);
      return;
    }
    const nowMs = known.seenMs;
    this.#nodeSenders.delete(sender);
    this.#nodeSenders.set(sender, known);
    for (const [silent, { seenMs }] of this.#nodeSenders) {
      if (this.#nodeSenders.size <= this.#limits.nodeSenders && !this.#isForgotten(seenMs, nowMs)) return;
      this.#nodeSenders.delete(silent);
    }
  }

  #isForgotten(seenMs: number, nowMs: number): boolean {
    return nowMs - seenMs > this.#limits.senderSilenceMs;
  }
}

function rowKey(to: ActorId, n: number): string {
  return `${n} ${to}`;
}
