import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CounterFile } from './counter-file.ts';

export interface Counting {
  readonly redis: string;
  readonly mode: 'fenced' | 'unfenced';
  readonly workers: number;
  readonly rounds: number;
}

export interface Counted {
  /** Updates whose write was answered well. */
  readonly acknowledged: number;
  /** Late writes that the file turned away. */
  readonly refused: number;
  /** What the file says in the end. */
  readonly counted: number;
  readonly lost: number;
  /** How many times a worker was stopped between reading and writing. */
  readonly stops: number;
}

/** How far others count before a stopped worker may go on. An unconfirmed offer stands for 2 s, and its lapse is found within another. */
const COUNT_ON = 10;

/** Lets workers count in one file, all but one of them stopped once at the worst place. */
export async function count({ redis, mode, workers, rounds }: Counting): Promise<Counted> {
  const directory = mkdtempSync(join(tmpdir(), 'counter-file-'));
  const path = join(directory, 'counter.json');
  const file = new CounterFile(path);
  file.write({ value: 0, fence: '0'.repeat(16) });
  const started: ChildProcess[] = [];
  let stops = 0;
  let isOver = false;

  /** Says whether another had taken over by then. */
  async function wakeLater(worker: ChildProcess, fence: string): Promise<boolean> {
    const target = file.read().value + COUNT_ON;
    stops += 1;
    // Unfenced, a write of the past sets the number back: then other stopped workers wait longer.
    for (let turn = 0; turn < 1_000 && !isOver && file.read().value < target; turn += 1) await sleep(5);
    const isOvertaken = mode === 'unfenced' || file.read().fence > fence;
    worker.kill('SIGCONT');
    return isOvertaken;
  }

  async function work(index: number): Promise<{ readonly acknowledged: number; readonly refused: number }> {
    // The last one never stops, and so the others are always overtaken.
    const stopIn = index === workers - 1 ? 0 : 3 * (index + 1);
    const script = fileURLToPath(new URL('worker.ts', import.meta.url));
    const args = [script, redis, path, mode, `${rounds}`, `${stopIn}`];
    const worker = spawn(process.execPath, ['--conditions=@devmentor/source', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(worker);
    const waking: Promise<boolean>[] = [];
    for await (const line of createInterface({ input: worker.stdout as NodeJS.ReadableStream })) {
      const [, fence] = /^stopped (\d+)$/.exec(line) ?? [];
      if (fence !== undefined) waking.push(wakeLater(worker, fence));
      else {
        if ((await Promise.all(waking)).includes(false)) throw new Error('nobody took over from a stopped worker');
        return JSON.parse(line);
      }
    }
    throw new Error(`worker ${index} ended before it had counted`);
  }

  try {
    const sums = await Promise.all(Array.from({ length: workers }, (_, index) => work(index)));
    const acknowledged = sums.reduce((sum, one) => sum + one.acknowledged, 0);
    const refused = sums.reduce((sum, one) => sum + one.refused, 0);
    const counted = file.read().value;
    return { acknowledged, refused, counted, lost: acknowledged - counted, stops };
  } finally {
    isOver = true;
    for (const worker of started) worker.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}
