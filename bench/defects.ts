// What goes wrong with locks on Redis, with ours beside the libraries that people use: every
// fault is done to all of them in one run. Prints a table, and fails where ours misses a goal.
import { startRedis } from '../test/backends.ts';
import { contenders } from './locks/contenders.ts';
import { type Finding, infoOf, rows } from './locks/defects.ts';
import { holdMany } from './locks/many-held.ts';
import { progress } from './measure/progress.ts';
import { mapValues, versionOf, writeResults } from './measure/results.ts';

// A peer's promise that nobody can catch is part of what it is like to use it.
const unhandled: string[] = [];
process.on('unhandledRejection', (error) => unhandled.push(String(error)));

const redis = await startRedis();
const found: { readonly name: string; readonly goal: string; readonly findings: Record<string, Finding> }[] = [];
for (const row of rows) {
  const findings: Record<string, Finding> = {};
  for (const contender of contenders) {
    progress(`defects: ${row.name}: ${contender.name}`);
    findings[contender.name] = await row.probe(contender, redis.url).catch((error: unknown) => ({
      text: `fails: ${error instanceof Error ? error.message : String(error)}`,
      figures: {},
      isGood: false,
    }));
  }
  found.push({ name: row.name, goal: row.goal, findings });
}
progress('defects: 10,000 held leases');
const many = await holdMany(redis.url);
const server = /redis_version:(\S+)/.exec(await infoOf(redis.url, 'server'))?.[1] ?? 'unknown';
await redis.stop();

const costPercent = Number((many.clientPercent + many.serverPercent).toFixed(2));
const isManyGood = costPercent < 5 && many.isEveryoneValid;
const peers = contenders.filter(({ name }) => name !== 'ours');
const versions = Object.fromEntries(peers.map(({ name, library }) => [name, versionOf(library).replace(/^v/, '')]));
writeResults('defects', {
  what: 'faults done to every library in one run',
  versions: { node: process.version, redis: server, ioredis: versionOf('ioredis'), ...versions },
  rows: found.map(({ name, goal, findings }) => ({
    name,
    goal,
    findings: mapValues(findings, ({ text, figures, isGood }) => ({ text, ...figures, isGood })),
  })),
  manyHeld: { ...many, costPercent, goal: 'less than 5 % of one core', isGood: isManyGood },
  unhandledRejections: unhandled,
});

const heads = contenders.map(({ name }) => (name === 'ours' ? 'ours' : `${name} ${versions[name]}`));
console.log(`| | ${heads.join(' | ')} |\n|---|${heads.map(() => '---|').join('')}`);
for (const { name, findings } of found) {
  const cells = contenders.map((contender) => {
    const finding = findings[contender.name];
    return finding?.isGood === true ? `**${finding.text}**` : finding?.text;
  });
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
console.log(
  `\n10,000 leases of 30 s held by one process: client ${many.clientPercent} % + Redis ${many.serverPercent} % of one core, ${many.requestsPerSecond} requests/s`,
);
const missed = found.filter(({ findings }) => findings.ours?.isGood !== true).map(({ name }) => name);
if (!isManyGood) missed.push('10,000 held leases');
if (missed.length > 0) {
  console.log(`missed: ${missed.join('; ')}`);
  process.exitCode = 1;
}
process.exit();
