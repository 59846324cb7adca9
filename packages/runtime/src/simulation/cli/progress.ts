// The line that says how far a run is: rewritten in place on a terminal, one now and then elsewhere.
import type { Clock } from '@devmentor/locks';
import { shortened } from '../columns.ts';

export interface Standing {
  readonly played: number;
  /** Undefined where time alone ends the run. */
  readonly all: number | undefined;
  readonly leftMs: number | undefined;
  readonly operations: number;
  readonly faults: number;
  readonly findings: number;
  readonly workers: number;
}

/** As much of a stream as progress needs. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const REDRAW_MS = 200;
const SAY_MS = 10_000;

export class Progress {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #standing: () => Standing;
  readonly #beganMs: number;
  #cancel: () => void = () => {};
  #drawn = false;

  constructor(terminal: Terminal, clock: Clock, standing: () => Standing) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#standing = standing;
    this.#beganMs = clock.nowMs();
    this.#later();
  }

  /** Something that stays, above the line. */
  say(text: string, to: Terminal): void {
    this.#wipe();
    to.write(text);
  }

  end(): void {
    this.#cancel();
    this.#wipe();
  }

  #later(): void {
    this.#cancel = this.#clock.background(this.#terminal.isTTY === true ? REDRAW_MS : SAY_MS, () => {
      this.#draw();
      this.#later();
    });
  }

  #draw(): void {
    const text = standingText(this.#standing(), this.#clock.nowMs() - this.#beganMs);
    if (this.#terminal.isTTY !== true) {
      this.#terminal.write(`${text}\n`);
      return;
    }
    this.#wipe();
    this.#terminal.write(shortened(text, (this.#terminal.columns ?? 100) - 1));
    this.#drawn = true;
  }

  #wipe(): void {
    if (this.#drawn) this.#terminal.write('\r\u001B[2K');
    this.#drawn = false;
  }
}

export function standingText(standing: Standing, passedMs: number): string {
  const { played, all, operations, faults, findings, workers, leftMs } = standing;
  const perSecond = passedMs > 0 ? (played * 1_000) / passedMs : 0;
  const bySeeds = all === undefined || played === 0 ? undefined : ((all - played) * passedMs) / played;
  const left = Math.min(bySeeds ?? Infinity, leftMs ?? Infinity);
  return [
    `${count(played)}${all === undefined ? '' : ` of ${count(all)}`} seeds`,
    `${perSecond < 10 ? perSecond.toFixed(1) : count(perSecond)}/s on ${workers}`,
    `${count(operations)} operations`,
    `${count(faults)} faults`,
    findings === 0 ? 'nothing found' : `${count(findings)} found`,
    ...(Number.isFinite(left) ? [`${spanText(left)} left`] : []),
  ].join(' · ');
}

export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}
