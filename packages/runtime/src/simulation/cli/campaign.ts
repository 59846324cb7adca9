// Campaign
//
// A run over many seeds on all cores. Seeds are handed out in their order, one to a worker at a time, so
// that the seeds that were played have no gaps, and a worker that dies or hangs names the one it was on.
//
//   What is found at a seed depends on the seed alone. To be sure of it, each case that is found is
//   played once more, as it is kept, by a process that has played nothing else.
import { type Clock, systemClock } from '@devmentor/locks';
import type { CaseFile } from '../case-file.ts';
import { isVacuous } from './cases.ts';
import type { RunOptions } from './options.ts';
import type { FoundCase, Job } from './protocol.ts';
import { type Finding, Tally } from './tally.ts';
import { type Ending, WorkerProcess } from './worker-process.ts';

export interface CampaignPorts {
  /** The command itself, which workers are made of. */
  readonly program: string;
  readonly signal: AbortSignal;
  /** Keeps a case and says where. */
  readonly keep: (file: CaseFile) => string;
  readonly onFinding: (finding: Finding) => void;
  readonly clock?: Clock;
}

/** A module that no worker can use. */
export class UnusableModule extends Error {
  override readonly name = 'UnusableModule';
}

export class Campaign {
  readonly #options: RunOptions;
  readonly #ports: CampaignPorts;
  readonly #clock: Clock;
  readonly #crew = new Set<WorkerProcess>();
  readonly #beganMs: number;
  readonly #simulations: readonly string[];
  readonly tally: Tally;
  #next = 0;

  /** Loads the module once, and says what cannot be done with it before anything is played. */
  static async prepare(options: RunOptions, ports: CampaignPorts): Promise<Campaign> {
    const scout = new WorkerProcess(ports.program, options.module);
    const stop = (): void => scout.kill();
    ports.signal.addEventListener('abort', stop);
    const ending = await scout.ready();
    ports.signal.removeEventListener('abort', stop);
    scout.kill();
    if (ports.signal.aborted) return new Campaign(options, ports, []);
    if (ending.kind === 'died') throw new UnusableModule(`${options.module} cannot be loaded: ${ending.how}`);
    if (ending.answer.kind !== 'ready') {
      const why = ending.answer.kind === 'unusable' ? ending.answer.message : 'it speaks before it is asked';
      throw new UnusableModule(why);
    }
    const names = ending.answer.simulations;
    if (options.only !== undefined && !names.includes(options.only))
      throw new UnusableModule(`${options.module} has no simulation named ${options.only}; it has ${names.join(', ')}`);
    return new Campaign(options, ports, options.only === undefined ? names : [options.only]);
  }

  private constructor(options: RunOptions, ports: CampaignPorts, simulations: readonly string[]) {
    this.#options = options;
    this.#ports = ports;
    this.#clock = ports.clock ?? systemClock;
    this.#simulations = simulations;
    this.tally = new Tally(options.from, simulations);
    this.#beganMs = this.#clock.nowMs();
  }

  get all(): number | undefined {
    return this.#options.seeds === undefined ? undefined : this.#options.seeds * this.#simulations.length;
  }

  get passedMs(): number {
    return this.#clock.nowMs() - this.#beganMs;
  }

  /** Ends with the seeds, the time, enough findings, or the signal, which ends workers at once. */
  async run(): Promise<void> {
    const stop = (): void => {
      for (const worker of this.#crew) worker.kill();
    };
    this.#ports.signal.addEventListener('abort', stop);
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.#serve()));
    this.#ports.signal.removeEventListener('abort', stop);
  }

  /** One worker's place: a new process takes it when one is gone. */
  async #serve(): Promise<void> {
    let worker: WorkerProcess | undefined;
    for (let job = this.#take(); job !== undefined; job = this.#take()) {
      worker ??= await this.#hire();
      const gone = await this.#play(worker, job);
      if (!gone) continue;
      this.#crew.delete(worker);
      worker = undefined;
    }
    worker?.kill();
  }

  async #hire(): Promise<WorkerProcess> {
    const worker = new WorkerProcess(this.#ports.program, this.#options.module);
    this.#crew.add(worker);
    if (this.#ports.signal.aborted) worker.kill();
    await worker.ready();
    return worker;
  }

  /** The next seed, of each simulation in turn. */
  #take(): Job | undefined {
    const { from, seeds, timeMs, findings } = this.#options;
    const isOver =
      this.#ports.signal.aborted ||
      this.#simulations.length === 0 ||
      this.tally.findings.length >= findings ||
      (timeMs !== undefined && this.passedMs >= timeMs);
    if (isOver) return undefined;
    const seed = from + Math.floor(this.#next / this.#simulations.length);
    if (seeds !== undefined && seed >= from + seeds) return undefined;
    const simulation = this.#simulations[this.#next++ % this.#simulations.length] ?? '';
    return { simulation, seed };
  }

  /** Answers whether the worker is gone over it. */
  async #play(worker: WorkerProcess, job: Job): Promise<boolean> {
    let hung = false;
    const cancel = this.#clock.after(this.#options.seedTimeMs, () => {
      hung = true;
      worker.kill();
    });
    const ending = await worker.ask({ kind: 'explore', ...job });
    cancel();
    if (this.#ports.signal.aborted && ending.kind === 'died') return true;
    await this.#note(job, ending, hung);
    return ending.kind === 'died';
  }

  async #note(job: Job, ending: Ending, hung: boolean): Promise<void> {
    if (ending.kind === 'died') {
      this.tally.add(job, undefined);
      const within = `no end within ${this.#options.seedTimeMs / 1_000} s`;
      this.#found({ ...job, kind: hung ? 'hung' : 'died', message: hung ? within : ending.how });
      return;
    }
    const { answer } = ending;
    if (answer.kind === 'explored') {
      this.tally.add(job, answer.figures);
      if (answer.found !== undefined) await this.#keep(job, answer.found);
    } else if (answer.kind === 'broken') {
      this.tally.add(job, undefined);
      this.#found({ ...job, kind: 'broken', message: answer.message });
    }
  }

  async #keep(job: Job, { file, shrinks }: FoundCase): Promise<void> {
    const path = this.#ports.keep(file);
    const repeats = await this.#repeats(file);
    const [steps, faults] = [file.steps.length, file.faults.length];
    this.#found({
      ...job,
      kind: 'violation',
      violations: file.violations,
      shrinks,
      steps,
      faults,
      file: path,
      repeats,
    });
  }

  async #repeats(file: CaseFile): Promise<boolean> {
    const other = await this.#hire();
    const cancel = this.#clock.after(this.#options.seedTimeMs, () => other.kill());
    const ending = await other.ask({ kind: 'confirm', file });
    cancel();
    other.kill();
    this.#crew.delete(other);
    if (ending.kind === 'died' || ending.answer.kind !== 'confirmed') return false;
    return ending.answer.digest === file.digest && (ending.answer.violations.length > 0 || isVacuous(file));
  }

  #found(finding: Finding): void {
    this.tally.findings.push(finding);
    this.#ports.onFinding(finding);
  }
}
