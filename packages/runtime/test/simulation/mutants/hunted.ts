// Hunts mutants, each in a process of its own.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Hunted } from './hunt.ts';
import { type Mutant, modules } from './mutants.ts';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export interface HuntOptions {
  /** Tried before all others. */
  readonly first?: number;
  readonly from: number;
  readonly seeds: number;
}

/** How the hunt for a mutant ended; rejects with what the process said when it did not get that far. */
export async function hunted(mutant: Mutant, { first, from, seeds }: HuntOptions): Promise<Hunted> {
  const { file, passage, instead, simulation } = mutant;
  const words = [modules[simulation].href, simulation, from, seeds, ...(first === undefined ? [] : [first])];
  const child = fork(here('hunt.ts'), words.map(String), {
    execArgv: ['--conditions=@devmentor/source', '--import', new URL('load-mutant.ts', import.meta.url).href],
    env: { ...process.env, DEVMENTOR_MUTANT: JSON.stringify({ file, passage, instead }) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  return await new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as Hunted));
    child.once('exit', (code) => reject(new Error(`the hunt for "${mutant.name}" ended with ${code}:\n${said}`)));
  });
}
