// Runs one of the workspace's tools for a test of its configuration.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const root = join(import.meta.dirname, '..');

export interface ToolRun {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Runs it to its end. */
export function runTool(name: string, args: readonly string[], options: { cwd?: string } = {}): Promise<ToolRun> {
  const child = spawn(join(root, 'node_modules', '.bin', name), args, {
    cwd: options.cwd ?? root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
}

/** A small tree of files for a tool to look at; gone with the test that asked for it. */
export function writeTree(files: Readonly<Record<string, string>>): Disposable & { readonly directory: string } {
  const directory = mkdtempSync(join(tmpdir(), 'devmentor-tree-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}
