// Pulse
//
// Says, in a record of the shard itself, until when it was served, and in which windows it was not.
// Written by the owner alone, and only where some delay's policy asks for it.
//
//   PU1  A window ends when its shard is taken, and begins at the last beat before: it is too long
//        by at most a beat, and exact where the shard was given up in order.
import type { Cancel, Clock } from '@devmentor/locks';
import { type ActorId, formatActorId, shardOf } from './actor-id.ts';
import type { Window } from './delay-policy.ts';
import type { Epoch, Json, Shard, StateStore } from './state-store.ts';

const PULSE = 'shard-pulse';

const BEAT_MS = 2_000;
/** Shorter ones are the pause of a hand-over. */
const SHORTEST_MS = 1_000;
const MOST_WINDOWS = 64;

interface Beat {
  readonly atMs: number;
  /** The oldest first. */
  readonly windows: readonly Window[];
}

export interface PulsePorts {
  readonly state: StateStore;
  readonly clock: Clock;
  storeNowMs(): number;
  onFault(fault: unknown): void;
}

export class Pulse {
  readonly #ports: PulsePorts;
  readonly #shard: Shard;
  readonly #epoch: Epoch;
  readonly #id: ActorId;
  #version = 0;
  #beats = 0;
  #windows: readonly Window[];
  #next: Cancel = () => {};
  #over = false;

  /** Reads when the shard was last served; throws what the store throws. */
  static async of(ports: PulsePorts, shard: Shard, epoch: Epoch): Promise<Pulse> {
    const id = pulseOf(shard, ports.state.shards);
    const loaded = await ports.state.load(shard, epoch, id);
    const record = loaded.kind === 'record' ? loaded.record : undefined;
    const last = record?.snapshot as Beat | undefined;
    const pulse = new Pulse(ports, { shard, epoch, id }, last);
    pulse.#version = record?.version ?? 0;
    await pulse.#write();
    pulse.#beatSoon();
    return pulse;
  }

  private constructor(
    ports: PulsePorts,
    { shard, epoch, id }: { readonly shard: Shard; readonly epoch: Epoch; readonly id: ActorId },
    last: Beat | undefined,
  ) {
    this.#ports = ports;
    this.#shard = shard;
    this.#epoch = epoch;
    this.#id = id;
    const toMs = ports.storeNowMs();
    const idle = last !== undefined && toMs - last.atMs >= SHORTEST_MS ? [{ fromMs: last.atMs, toMs }] : [];
    this.#windows = [...(last?.windows ?? []), ...idle].slice(-MOST_WINDOWS);
  }

  get windows(): readonly Window[] {
    return this.#windows;
  }

  /** The last beat of an owner that gives its shard up in order. */
  async end(): Promise<void> {
    this.stop();
    await this.#write();
  }

  stop(): void {
    this.#over = true;
    this.#next();
  }

  #beatSoon(): void {
    if (this.#over) return;
    this.#next = this.#ports.clock.background(BEAT_MS, () => {
      void this.#write().then(() => this.#beatSoon());
    });
  }

  /** A beat that failed is made up for by the next. */
  async #write(): Promise<void> {
    const { state, onFault } = this.#ports;
    try {
      const answered = await state.commit(this.#shard, this.#epoch, [this.#commit()]);
      if (answered.kind === 'fenced') return this.stop();
      const [outcome] = answered.outcomes;
      // A conflict is an earlier beat whose answer was lost.
      if (outcome?.kind === 'committed' || outcome?.kind === 'conflict') this.#version = outcome.version;
    } catch (fault) {
      onFault(fault);
    }
  }

  #commit(): Parameters<StateStore['commit']>[2][number] {
    const beat: Beat = { atMs: this.#ports.storeNowMs(), windows: this.#windows };
    return {
      id: this.#id,
      commitId: `${this.#epoch}:pulse-${++this.#beats}`,
      basis: this.#version,
      machineVersion: 1,
      snapshot: beat as object as Json,
      timers: [],
      outbox: { add: [], remove: [] },
      settles: [],
      events: [],
    };
  }
}

/** An id that lies in the shard itself. */
function pulseOf(shard: Shard, shards: number): ActorId {
  for (let key = 0; ; key++) {
    const id = formatActorId(PULSE, String(key));
    if (shardOf(id, shards) === shard) return id;
  }
}
