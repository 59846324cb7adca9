// A trial: workers under load and faults, then calm, then judgement.
import { writeFileSync } from 'node:fs';
import { type Cancel, systemClock } from '@devmentor/locks';
import type { Objection } from '../../../src/simulation/index.ts';
import { WORKLOADS, type Workload } from './client.ts';
import { Cluster } from './cluster.ts';
import { Crew } from './crew.ts';
import { type FaultKind, faultPlan, type PlannedFault } from './fault.ts';
import { type Figures, figuresOf, workloadOf } from './figures.ts';
import { Nemesis } from './nemesis.ts';
import { Outside } from './outside.ts';
import { Resources } from './resource.ts';
import { judge } from './verdict.ts';

export interface TrialOptions {
  readonly seed: number;
  /** From the first fault to the last. */
  readonly withinMs: number;
  /** @default 3 */
  readonly workers?: number;
  /** @default all of them */
  readonly workloads?: readonly Workload[];
  /** @default every kind */
  readonly kinds?: readonly FaultKind[];
  /** Between two faults. */
  readonly everyMs?: number;
  /** Off, resources take what comes: what the checks are tried on. @default true */
  readonly isGuarded?: boolean;
  readonly onProgress?: (line: string) => void;
}

export interface TrialReport {
  readonly plan: readonly PlannedFault[];
  readonly figures: Figures;
  /** What the product says cannot happen, and did. */
  readonly objections: readonly Objection[];
  /** Keeps everything that objections are about as JSON, to be read or judged again. */
  save(file: string): void;
}

const WARM_UP_MS = 500;
const CALM_MS = 2_000;
/** After the last fault everybody is served within this time. */
const SERVED_WITHIN_MS = 20_000;
const PROGRESS_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 50;

const elapse = (ms: number): Promise<void> =>
  new Promise((resolve) => void systemClock.after(Math.max(0, ms), resolve));

export async function runTrial(options: TrialOptions): Promise<TrialReport> {
  const { workers = 3, isGuarded = true } = options;
  const cluster = await Cluster.start({ workers, isGuarded });
  try {
    return await new Trial(options, cluster).run();
  } finally {
    await cluster.end();
  }
}

class Trial {
  readonly #options: TrialOptions;
  readonly #plan: readonly PlannedFault[];
  readonly #cluster: Cluster;
  readonly #outside: Outside;
  readonly #nemesis: Nemesis;
  readonly #crews: readonly Crew[];
  readonly #objections: Objection[] = [];
  #nextProgress: Cancel = () => undefined;

  constructor(options: TrialOptions, cluster: Cluster) {
    const { seed, workloads = WORKLOADS } = options;
    const startMs = systemClock.nowMs();
    this.#options = options;
    this.#plan = faultPlan({ ...options, workers: cluster.workers.length });
    this.#cluster = cluster;
    this.#outside = new Outside({ now: () => systemClock.nowMs() - startMs, elapse });
    this.#nemesis = new Nemesis({ cluster, now: this.#outside.now, elapse });
    this.#crews = workloads.map((workload) => new Crew(workload, { cluster, outside: this.#outside, seed }));
  }

  async run(): Promise<TrialReport> {
    for (const crew of this.#crews) crew.begin();
    this.#tellProgress();
    await elapse(WARM_UP_MS);
    await this.#nemesis.play(this.#plan);
    this.#outside.history.saw('outside', { kind: 'healed' });
    const healedMs = this.#outside.now();
    await elapse(CALM_MS);
    await this.#everybodyServed(healedMs);
    await this.#everythingAnswered();
    await Promise.all(this.#crews.map((crew) => this.#readAll(crew)));
    await this.#readLogs();
    this.#nextProgress();
    return this.#report();
  }

  /** By way of every worker, in every workload, something that was begun after the healing has been done. */
  async #everybodyServed(healedMs: number): Promise<void> {
    const missing = new Set(
      this.#cluster.workers.flatMap(({ id }) => this.#crews.map(({ workload }) => `${id} ${workload}`)),
    );
    while (this.#outside.now() < healedMs + SERVED_WITHIN_MS) {
      for (const { node, key, invokedMs, outcome } of this.#outside.history.operations())
        if (invokedMs >= healedMs && outcome.kind === 'ok') missing.delete(`${node} ${workloadOf(key)}`);
      if (missing.size === 0) return;
      await elapse(LOOK_EVERY_MS);
    }
    this.#object('everybody is served when all is healed', `not by way of ${[...missing].join(', ')}`);
  }

  async #everythingAnswered(): Promise<void> {
    let cancel: Cancel = () => undefined;
    const late = new Promise<'late'>((resolve) => {
      cancel = systemClock.after(SERVED_WITHIN_MS, () => resolve('late'));
    });
    const ended = Promise.all(this.#crews.map((crew) => crew.end()));
    if ((await Promise.race([ended, late])) === 'late')
      this.#object('every order is answered', `some were not within ${SERVED_WITHIN_MS} ms after all was healed`);
    cancel();
  }

  async #readAll(crew: Crew): Promise<void> {
    const unread = await crew.readAll({ withinMs: SERVED_WITHIN_MS });
    if (unread.length > 0) this.#object('every object can be read', `not ${unread.join(', ')}`);
  }

  /** What the resources themselves say of who wrote to them, and in which order. */
  async #readLogs(): Promise<void> {
    const link = this.#cluster.openLink();
    const resources = new Resources(link, { isGuarded: true });
    for (const key of this.#crews.flatMap(({ guarded }) => guarded))
      for (const { fence, by } of await resources.log(key))
        this.#outside.history.saw('redis', { kind: 'guarded-write', key, by, fence, admitted: true });
    await link.close();
  }

  async #report(): Promise<TrialReport> {
    const { history, codes, bugs } = this.#outside;
    for (const bug of bugs) this.#object('nothing but faults is thrown', bug);
    for (const { brokeDown } of this.#cluster.workers)
      for (const end of brokeDown) this.#object('no process ends by itself', end);
    const judged = await judge(history);
    const objections = [...judged.objections, ...this.#objections];
    return {
      plan: this.#plan,
      figures: figuresOf({
        operations: history.operations(),
        faults: this.#nemesis.counts(),
        codes,
        linearizable: judged.linearizable,
      }),
      objections,
      save: (file) => {
        const livedWith = Object.fromEntries(this.#cluster.workers.map(({ id, livedWith }) => [id, livedWith]));
        const { strikes } = this.#nemesis;
        const record = {
          seed: this.#options.seed,
          plan: this.#plan,
          strikes,
          livedWith,
          objections,
          ...history.toJSON(),
        };
        writeFileSync(file, JSON.stringify(record));
      },
    };
  }

  #object(check: string, message: string): void {
    this.#objections.push({ check, kind: 'violation', message });
  }

  #tellProgress(): void {
    this.#nextProgress = systemClock.background(PROGRESS_EVERY_MS, () => {
      const seconds = Math.round(this.#outside.now() / 1_000);
      this.#options.onProgress?.(`${seconds} s: ${this.#nemesis.strikes.length} of ${this.#plan.length} faults`);
      this.#tellProgress();
    });
  }
}
