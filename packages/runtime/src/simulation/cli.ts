#!/usr/bin/env node
// devmentor-sim: simulations from the command line. `--help` says how.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { CaseFileError, readCaseFile } from './case-file.ts';
import { casePage, caseStory } from './cli/cases.ts';
import { ModuleError } from './cli/module.ts';
import { type Command, helpText, readCommand } from './cli/options.ts';
import { replayCommand, type Screen } from './cli/replay.ts';
import { run } from './cli/run.ts';
import { EXIT, type Versions } from './cli/summary.ts';
import { work } from './cli/worker.ts';
import { timelineMermaid } from './timeline.mermaid.ts';

async function main(args: readonly string[]): Promise<number | undefined> {
  const command = readCommand(args);
  switch (command.kind) {
    case 'usage':
      process.stderr.write(`${command.message}\nTry --help.\n`);
      return EXIT.usage;
    case 'help':
      process.stdout.write(helpText());
      return EXIT.ok;
    case 'version':
      process.stdout.write(`${versions().runtime}\n`);
      return EXIT.ok;
    case 'run':
      return await run(command, { program: fileURLToPath(import.meta.url), versions: versions(), args });
    case 'replay':
      return await replayCommand(command, screen());
    case 'show':
      show(command);
      return EXIT.ok;
    case 'worker':
      await work(command.module);
      return undefined;
  }
}

function show({ file, as, width }: Extract<Command, { readonly kind: 'show' }>): void {
  const read = readCaseFile(file);
  const title = `${read.simulation}, seed ${read.seed}`;
  const { write, ...rest } = screen();
  if (as === 'html') write(casePage(read));
  else if (as === 'mermaid') write(timelineMermaid(read.trace, { title }));
  else write(caseStory(read, { ...rest, width: width ?? rest.width, path: file }));
}

function screen(): Screen {
  const { stdout, env } = process;
  return {
    width: Math.min(stdout.columns ?? 100, 200),
    color: stdout.isTTY === true && env.NO_COLOR === undefined,
    write: (text) => stdout.write(text),
  };
}

function versions(): Versions {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  const platform = `${process.platform} ${process.arch}`;
  return { runtime: version, node: process.version, fastCheck: fc.__version, platform };
}

try {
  // Set, not exited with: what was written may still be on its way into a pipe.
  process.exitCode = await main(process.argv.slice(2));
} catch (fault) {
  const isExpected = fault instanceof CaseFileError || fault instanceof ModuleError;
  process.stderr.write(`${isExpected ? fault.message : fault instanceof Error ? fault.stack : String(fault)}\n`);
  process.exitCode = isExpected ? EXIT.usage : EXIT.broken;
}
