// Failover trial
//
// Three runtimes in processes of their own over Redis and NATS, under load. Nodes are killed or
// drained, others take their places, and a verifier outside of them knows what was acknowledged.
// Shared by the tests and by `bench/runtime/failover.ts`.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@devmentor/locks';
import { type FaultProxy, startFaultProxy } from '@devmentor/locks/testing';
import { formatActorId, shardOf } from '../src/index.ts';
import { SHARDS } from './node-processes.fixture.ts';
import type { TallyContext } from './tally.fixture.ts';

/** What is promised of a kill -9: the first answer of the next owner, p99. */
export const FIRST_ANSWER_MS = 3_000;
/** What a test allows beyond a promise: it shares its machine with others, as the benchmark does not. */
export const BUSY_MACHINE_MS = 1_000;

export type TrialOrder = { readonly id: number } & (
  | {
      readonly do: 'note';
      readonly key: string;
      readonly writer: string;
      readonly n: number;
      readonly deadlineMs: number;
    }
  | { readonly do: 'read'; readonly key: string }
  | { readonly do: 'shards' }
  | { readonly do: 'stand still'; readonly ms: number }
);
type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

export type TrialReport =
  | { readonly n: number; readonly ok: true; readonly value: unknown }
  | { readonly n: number; readonly ok: false; readonly code: string };

export interface TrialSettings {
  readonly redis: string;
  readonly nats: string;
  readonly namespace: string;
  /** @default 12 */
  readonly keys?: number;
  /** Between the calls of one writer. @default 10 */
  readonly pauseMs?: number;
  /** How long a drain is preceded by nothing: what is new to the cluster gets warm. @default 300 */
  readonly settleMs?: number;
  /** Puts a proxy between each node and its servers, for `cutOff`. */
  readonly proxied?: boolean;
}

/** What is known of one call, by who made it. */
interface Call {
  readonly key: string;
  readonly entry: TrialNode;
  readonly startMs: number;
  readonly endMs: number;
  readonly code: string | undefined;
}

export interface Verdict {
  readonly acknowledged: number;
  /** Acknowledged, and not in the state. */
  readonly lost: number;
  /** Applied more than once. */
  readonly doubled: number;
  /** Calls that ended in a fault while their own process lived on, by code. */
  readonly failed: Readonly<Record<string, number>>;
}

const DEADLINE_MS = 20_000;
/** An answer that was on its way when its sender died may come so much later. */
const ON_ITS_WAY_MS = 300;
const SETTLE_MS = 300;
/** A cut shorter than that costs nobody his lease. */
const LEASE_MS = 2_000;

const elapse = (ms: number): Promise<void> => new Promise((resolve) => void systemClock.after(ms, resolve));
const nowMs = (): number => systemClock.nowMs();

interface Links {
  readonly redis: FaultProxy;
  readonly nats: FaultProxy;
}

class TrialNode {
  readonly child: ChildProcess;
  readonly #waiting = new Map<number, (report: TrialReport) => void>();
  #orders = 0;
  readonly links: Links | undefined;
  leaving = false;

  constructor(args: readonly string[], links: Links | undefined) {
    this.links = links;
    this.child = fork(fileURLToPath(new URL('./failover-node.ts', import.meta.url)), args, {
      execArgv: ['--conditions=@devmentor/source'],
    });
    this.child.on('message', (report: TrialReport) => {
      this.#waiting.get(report.n)?.(report);
      this.#waiting.delete(report.n);
    });
    this.child.on('exit', () => {
      this.leaving = true;
      for (const [n, resolve] of this.#waiting) resolve({ n, ok: false, code: 'EXITED' });
      this.#waiting.clear();
    });
  }

  async started(): Promise<this> {
    const report = await new Promise<TrialReport>((resolve) => this.#waiting.set(0, resolve));
    if (!report.ok) throw new Error(`a node ended before it had started: ${report.code}`);
    return this;
  }

  ask(order: Unnumbered<TrialOrder>): Promise<TrialReport> {
    const id = ++this.#orders;
    return new Promise((resolve) => {
      if (!this.child.connected) return resolve({ n: id, ok: false, code: 'EXITED' });
      this.#waiting.set(id, resolve);
      this.child.send({ ...order, id });
    });
  }

  async shards(): Promise<readonly number[]> {
    const report = await this.ask({ do: 'shards' });
    return report.ok ? (report.value as { shards: number[] }).shards : [];
  }
}

export class FailoverTrial {
  readonly #settings: TrialSettings;
  readonly #keys: readonly string[];
  readonly #nodes: TrialNode[] = [];
  readonly #calls: Call[] = [];
  /** Highest acknowledged number of each `key writer`. */
  readonly #acknowledged = new Map<string, Set<number>>();
  readonly #writers: Promise<void>[] = [];
  #names = 0;
  #over = false;

  /** Three nodes, every shard served, and the load on. */
  static async start(settings: TrialSettings): Promise<FailoverTrial> {
    const trial = new FailoverTrial(settings);
    await Promise.all([0, 1, 2].map(() => trial.#join()));
    await trial.balanced();
    for (const node of trial.#nodes) trial.#write(node);
    await elapse(300);
    return trial;
  }

  private constructor(settings: TrialSettings) {
    this.#settings = settings;
    this.#keys = Array.from({ length: settings.keys ?? 12 }, (_, i) => `k${i}`);
  }

  /**
   * Kills a node (SIGKILL). Resolves, when another has taken its place, with the milliseconds from
   * the kill to the first answer of the new owner, one for each actor that the dead one served.
   */
  async kill(): Promise<readonly number[]> {
    const victim = await this.#victim();
    const keys = await this.#keysOf(victim);
    const atMs = nowMs();
    victim.child.kill('SIGKILL');
    victim.leaving = true;
    await once(victim.child, 'exit');
    const firstAnswers = await Promise.all(keys.map((key) => this.#firstAnswer(key, atMs + ON_ITS_WAY_MS)));
    await this.#replace(victim);
    return firstAnswers.map((answerMs) => answerMs - atMs);
  }

  /**
   * Drains a node (SIGTERM). Resolves with the longest time that a call by way of another node waited
   * meanwhile, and, to compare with, just before.
   */
  async drain(): Promise<{ readonly longestMs: number; readonly beforeMs: number; readonly tookMs: number }> {
    const victim = await this.#victim();
    await elapse((this.#settings.settleMs ?? SETTLE_MS) - SETTLE_MS);
    const settledMs = nowMs();
    await elapse(SETTLE_MS);
    const atMs = nowMs();
    victim.leaving = true;
    victim.child.kill('SIGTERM');
    await once(victim.child, 'exit');
    const tookMs = nowMs() - atMs;
    await elapse(SETTLE_MS);
    const longest = (fromMs: number, toMs: number): number =>
      this.#calls
        .filter(({ entry, startMs, endMs }) => entry !== victim && endMs >= fromMs && startMs <= toMs)
        .reduce((most, { startMs, endMs }) => Math.max(most, endMs - Math.max(startMs, fromMs)), 0);
    const [longestMs, beforeMs] = [longest(atMs, atMs + tookMs), longest(settledMs, atMs)];
    await this.#replace(victim);
    return { longestMs, beforeMs, tookMs };
  }

  /** Stops a node (SIGSTOP) for so long, and lets it go on. */
  async stopFor(ms: number): Promise<void> {
    const victim = await this.#victim();
    victim.child.kill('SIGSTOP');
    await elapse(ms);
    victim.child.kill('SIGCONT');
    await this.balanced();
  }

  /**
   * Cuts a node off from one of its servers for so long; nothing of it passes meanwhile. Resolves with
   * the milliseconds until another owner answered, one for each actor that the node served, if the
   * node was to lose them.
   */
  async cutOff(from: keyof Links, ms: number): Promise<readonly number[]> {
    const victim = await this.#victim();
    const keys = await this.#keysOf(victim);
    const atMs = nowMs();
    victim.links?.[from].blackHole();
    const firstAnswers =
      ms < LEASE_MS ? [] : await Promise.all(keys.map((key) => this.#firstAnswer(key, atMs + ON_ITS_WAY_MS, victim)));
    await elapse(Math.max(0, atMs + ms - nowMs()));
    victim.links?.[from].heal();
    await this.balanced();
    return firstAnswers.map((answerMs) => answerMs - atMs);
  }

  /** How often shards have changed hands since the start: all nodes' incarnations and their shards. */
  async places(): Promise<string> {
    const reports = await Promise.all(this.#nodes.map((node) => node.ask({ do: 'shards' })));
    return JSON.stringify(reports.map((report) => (report.ok ? report.value : report.code)));
  }

  /** Blocks a node's event loop for so long. */
  async stall(ms: number): Promise<void> {
    const victim = await this.#victim();
    await victim.ask({ do: 'stand still', ms });
    await this.balanced();
  }

  /** Waits until every shard is served by one node, and every node serves some. */
  async balanced(): Promise<void> {
    for (let i = 0; i < 400; i++) {
      const counts = await Promise.all(this.#nodes.map(async (node) => (await node.shards()).length));
      if (counts.reduce((sum, count) => sum + count, 0) === SHARDS && !counts.includes(0)) return;
      await elapse(50);
    }
    throw new Error(`the shards were not all served within twenty seconds: ${await this.places()}`);
  }

  /** Ends the load and compares what was acknowledged with what is in the state. */
  async verify(): Promise<Verdict> {
    this.#over = true;
    await Promise.all(this.#writers);
    const failed: Record<string, number> = {};
    for (const { code } of this.#calls)
      if (code !== undefined && code !== 'EXITED') failed[code] = (failed[code] ?? 0) + 1;
    let acknowledged = 0;
    let lost = 0;
    let doubled = 0;
    for (const key of this.#keys) {
      const context = await this.#read(key);
      doubled += context.doubled.length;
      const missing = new Set(context.missing);
      for (const [name, numbers] of this.#acknowledged) {
        const [of, writer = ''] = name.split(' ');
        if (of !== key) continue;
        acknowledged += numbers.size;
        for (const n of numbers) if (n > (context.last[writer] ?? 0) || missing.has(`${writer} ${n}`)) lost++;
      }
    }
    return { acknowledged, lost, doubled, failed };
  }

  async end(): Promise<void> {
    this.#over = true;
    for (const { child, links } of this.#nodes) {
      await links?.redis.close();
      await links?.nats.close();
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
  }

  async #join(): Promise<TrialNode> {
    const { redis, nats, namespace, proxied } = this.#settings;
    const links =
      proxied === true
        ? { redis: await startFaultProxy({ to: redis }), nats: await startFaultProxy({ to: nats }) }
        : undefined;
    const urls = [links?.redis.url ?? redis, links?.nats.url ?? nats];
    const node = await new TrialNode([...urls, namespace, `n${++this.#names}`], links).started();
    this.#nodes.push(node);
    return node;
  }

  async #replace(victim: TrialNode): Promise<void> {
    this.#nodes.splice(this.#nodes.indexOf(victim), 1);
    await victim.links?.redis.close();
    await victim.links?.nats.close();
    this.#write(await this.#join());
    await this.balanced();
  }

  /** One that serves some of the actors under load; the longest running first. */
  async #victim(): Promise<TrialNode> {
    for (const node of this.#nodes) if ((await this.#keysOf(node)).length > 0) return node;
    throw new Error('some node serves an actor');
  }

  async #keysOf(node: TrialNode): Promise<readonly string[]> {
    const shards = await node.shards();
    return this.#keys.filter((key) => shards.includes(shardOf(formatActorId('tally', key), SHARDS)));
  }

  /** When a call to this actor was answered for the first time after that moment. */
  async #firstAnswer(key: string, afterMs: number, except?: TrialNode): Promise<number> {
    for (let from = 0; ; ) {
      for (; from < this.#calls.length; from++) {
        const call = this.#calls[from];
        if (call?.key !== key || call.entry === except) continue;
        if (call.code === undefined && call.endMs >= afterMs) return call.endMs;
      }
      if (nowMs() - afterMs > DEADLINE_MS) throw new Error(`${key} was not answered any more`);
      await elapse(5);
    }
  }

  /** A writer for each actor, by way of one node. */
  #write(node: TrialNode): void {
    for (const key of this.#keys) this.#writers.push(this.#writeTo(key, node));
  }

  async #writeTo(key: string, node: TrialNode): Promise<void> {
    const writer = `w${++this.#names}`;
    const acknowledged = new Set<number>();
    this.#acknowledged.set(`${key} ${writer}`, acknowledged);
    for (let n = 1; !this.#over && !node.leaving; n++) {
      const startMs = nowMs();
      const report = await node.ask({ do: 'note', key, writer, n, deadlineMs: DEADLINE_MS });
      this.#calls.push({ key, entry: node, startMs, endMs: nowMs(), code: report.ok ? undefined : report.code });
      if (report.ok) acknowledged.add(n);
      await elapse(this.#settings.pauseMs ?? 10);
    }
  }

  async #read(key: string): Promise<TallyContext> {
    for (const node of this.#nodes) {
      const report = await node.ask({ do: 'read', key });
      if (report.ok) return report.value as TallyContext;
    }
    throw new Error(`${key} cannot be read`);
  }
}
