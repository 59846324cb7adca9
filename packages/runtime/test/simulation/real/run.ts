// The long arm: real processes under faults for as long as is asked for, and every figure of it.
//
//   pnpm prove real [--seconds=600] [--seed=1]
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { shortfalls } from './figures.ts';
import { floorsFor } from './floors.ts';
import { tell } from './tell.ts';
import { runTrial } from './trial.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
});
const withinMs = Number(values.seconds) * 1_000;
const seed = Number(values.seed);

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const report = await runTrial({ seed, withinMs, onProgress: say });
const short = shortfalls(report.figures, floorsFor(withinMs));
for (const line of tell(report.figures)) say(line);
for (const line of short) say(`too little: ${line}`);
for (const { check, kind, message } of report.objections) say(`\n${check}, ${kind}: ${message}`);
if (report.objections.length > 0 || short.length > 0) {
  const file = join(mkdtempSync(join(tmpdir(), 'devmentor-real-')), `seed-${seed}.json`);
  report.save(file);
  say(`\neverything that happened is in ${file}`);
  process.exitCode = 1;
}
