// Where things are, and how a step of a script is run.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** Packages in the order of their arrows: each comes after what it depends on. */
export const packages = ['contracts', 'locks', 'runtime', 'agents', 'react', 'server'] as const;

/** The workspace's tools, and its Node, come before whatever the machine has. */
const path = [join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter);

export interface Step {
  readonly command: string;
  readonly args?: readonly string[];
  /** Relative to the root. */
  readonly cwd?: string;
  /** `collect` keeps the output for the caller instead of showing it. */
  readonly output?: 'show' | 'collect';
}

export interface StepResult {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs a program to its end. A signal that ended it becomes the code a shell would give. */
export function run({ command, args = [], cwd = '.', output = 'show' }: Step): Promise<StepResult> {
  const stdio = output === 'show' ? 'inherit' : 'pipe';
  const child = spawn(command, args, { cwd: join(root, cwd), env: { ...process.env, PATH: path }, stdio });
  let collected = '';
  const keep = (chunk: Buffer): void => {
    collected += chunk.toString();
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ exitCode: code ?? 128 + (signal === null ? 1 : constants.signals[signal]), output: collected });
    });
  });
}
