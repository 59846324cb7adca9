// Runs the examples that a README shows, so that they stay true.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const endsWithinMs = 15_000;

export interface ExampleRun {
  readonly code: string;
  readonly stdout: string;
}

/**
 * Runs the first ```ts block of a README (below `heading`, if given) in the README's
 * folder, from source, and expects it to end with code 0.
 *
 * A comment `// -> text` in the example is a promise: the example prints exactly these
 * lines, in this order.
 *
 * @param readme a path, or a URL such as `new URL('../README.md', import.meta.url)`
 */
export async function runReadmeExample(readme: string | URL, heading?: string): Promise<ExampleRun> {
  const path = readme instanceof URL ? fileURLToPath(readme) : readme;
  const code = firstExample(readFileSync(path, 'utf8'), heading);
  if (code === undefined)
    throw new Error(`${path} has no \`\`\`ts example${heading === undefined ? '' : ` below "${heading}"`}`);
  const { exitCode, stdout, stderr } = await runTypeScript(code, dirname(path));
  expect(exitCode, `the example of ${path} ends well; it printed:\n${stdout}${stderr}`).toBe(0);
  const promised = promisedLines(code);
  if (promised.length > 0) expect(stdout.trimEnd().split('\n')).toEqual(promised);
  return { code, stdout };
}

/** The first fenced ts block of a markdown text, below a heading if one is named. */
export function firstExample(markdown: string, heading?: string): string | undefined {
  let inScope = heading === undefined;
  let block: string[] | undefined;
  for (const line of markdown.split(/\r?\n/)) {
    if (block !== undefined) {
      if (line.startsWith('```')) return block.join('\n');
      block.push(line);
    } else if (inScope && /^```(ts|typescript)\b/.test(line)) {
      block = [];
    } else if (!inScope && /^#+ /.test(line)) {
      inScope = line.replace(/^#+ /, '').trim() === heading;
    }
  }
  return undefined;
}

/** What an example says that it prints. */
export function promisedLines(code: string): string[] {
  return [...code.matchAll(/\/\/ ->[ ]?(.*)$/gm)].map(([, text]) => (text ?? '').trimEnd());
}

function runTypeScript(
  code: string,
  cwd: string,
): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  // Given on stdin: no file appears in the source tree, and packages resolve from `cwd`.
  const args = ['--conditions=@devmentor/source', '--input-type=module-typescript', '-'];
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd, env, timeout: endsWithinMs, killSignal: 'SIGKILL' });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin.end(code);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}
