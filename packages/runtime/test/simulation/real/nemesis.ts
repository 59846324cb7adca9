// Plays a plan of faults against a cluster, and counts those that struck: a process that was down
// already is not killed, and a reply that nobody waits for is not lost.
import type { PassingRequest } from '@devmentor/locks/testing';
import type { Cluster } from './cluster.ts';
import { FAULT_KINDS, type Fault, type FaultKind, type PlannedFault } from './fault.ts';

const LOSE_REPLY_WITHIN_MS = 3_000;

export interface Strike {
  readonly atMs: number;
  readonly untilMs: number;
  readonly fault: Fault;
}

export interface NemesisOptions {
  readonly cluster: Cluster;
  readonly now: () => number;
  readonly elapse: (ms: number) => Promise<void>;
}

export class Nemesis {
  readonly #cluster: Cluster;
  readonly #now: () => number;
  readonly #elapse: (ms: number) => Promise<void>;
  /** Restarts of a server, one after another. */
  readonly #servers = { redis: Promise.resolve(), nats: Promise.resolve() };
  readonly strikes: Strike[] = [];
  readonly #isOver = new AbortController();

  constructor({ cluster, now, elapse }: NemesisOptions) {
    this.#cluster = cluster;
    this.#now = now;
    this.#elapse = elapse;
  }

  /** Resolves when the last fault has ended and nothing is broken any more. */
  async play(plan: readonly PlannedFault[]): Promise<void> {
    const startMs = this.#now();
    const running: Promise<void>[] = [];
    for (const { atMs, fault } of plan) {
      await this.#elapse(startMs + atMs - this.#now());
      running.push(this.#play(fault));
    }
    await Promise.all(running);
    this.#isOver.abort();
    for (const { lines } of this.#cluster.workers) for (const line of [lines.redis, lines.nats]) line.heal();
  }

  /** How often each kind struck. */
  counts(): Readonly<Record<FaultKind, number>> {
    const counts = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
    for (const { fault } of this.strikes) counts[fault.kind]++;
    return counts;
  }

  async #play(fault: Fault): Promise<void> {
    const atMs = this.#now();
    if (await this.#strike(fault)) this.strikes.push({ atMs, untilMs: this.#now(), fault });
  }

  /** Resolves when it is over, with whether it met anybody. */
  async #strike(fault: Fault): Promise<boolean> {
    switch (fault.kind) {
      case 'kill': {
        const worker = this.#cluster.worker(fault.worker);
        const isUp = worker.isUp && (await worker.kill());
        if (!isUp) return false;
        await this.#elapse(fault.downMs);
        await worker.start();
        return true;
      }
      case 'stop': {
        const worker = this.#cluster.worker(fault.worker);
        if (!worker.stop()) return false;
        await this.#elapse(fault.forMs);
        worker.resume();
        return true;
      }
      case 'delay':
      case 'stall':
      case 'deafen':
      case 'refuse':
        return await this.#disturb(fault);
      case 'cut':
      case 'reset': {
        const line = this.#cluster.worker(fault.worker).lines[fault.line];
        if (line.connections === 0) return false;
        line[fault.kind]();
        return true;
      }
      case 'lose-reply': {
        const { redis } = this.#cluster.worker(fault.worker).lines;
        const over = new Promise<false>((resolve) => {
          this.#isOver.signal.addEventListener('abort', () => resolve(false), { once: true });
        });
        let met = 0;
        for (let i = 0; i < fault.times; i++) {
          let isArmed = true;
          const script = ({ command }: PassingRequest): boolean => isArmed && command === 'evalsha';
          const { reached } = redis.next(script, { kind: 'lose-reply', ending: fault.ending });
          const late = this.#elapse(LOSE_REPLY_WITHIN_MS).then(() => false);
          if (await Promise.race([reached.then(() => true), over, late])) met++;
          isArmed = false;
        }
        return met > 0;
      }
      case 'kill-redis':
        return await this.#restart('redis', fault.downMs);
      case 'kill-nats':
        return await this.#restart('nats', fault.downMs);
    }
  }

  async #disturb(fault: Extract<Fault, { kind: 'delay' | 'stall' | 'deafen' | 'refuse' }>): Promise<boolean> {
    const line = this.#cluster.worker(fault.worker).lines[fault.line];
    const isMet = line.connections > 0;
    if (fault.kind === 'delay') line.delay(fault.byMs, { jitterMs: fault.jitterMs });
    else if (fault.kind === 'stall') line.blackHole();
    else if (fault.kind === 'deafen') line.blackHole({ direction: 'replies' });
    else {
      line.refuse();
      line.reset();
    }
    await this.#elapse(fault.forMs);
    line.heal();
    return isMet;
  }

  async #restart(name: 'redis' | 'nats', downMs: number): Promise<boolean> {
    const server = this.#cluster[name];
    const restarted = this.#servers[name].then(async () => {
      await server.kill();
      await this.#elapse(downMs);
      await server.restart();
    });
    this.#servers[name] = restarted;
    await restarted;
    return true;
  }
}
