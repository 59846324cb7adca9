// The long form: each mutant is hunted from seed 1 on, and its story told.
// node --conditions=@devmentor/source packages/runtime/test/simulation/mutants/run.ts [part of a name]
import { hunted } from './hunted.ts';
import { mutants } from './mutants.ts';

const SEEDS = 2_000;
const [wanted = ''] = process.argv.slice(2);

for (const mutant of mutants.filter(({ name }) => name.includes(wanted))) {
  const found = await hunted(mutant, { from: 1, seeds: SEEDS });
  if (found.kind === 'survived') {
    process.stdout.write(`SURVIVED ${SEEDS} seeds: ${mutant.name}\n`);
    process.exitCode = 1;
    continue;
  }
  const { seed, checks, steps, faults, message } = found;
  const isFor = checks.some((check) => mutant.checks.includes(check));
  if (!isFor) process.exitCode = 1;
  const size = `${steps} steps, ${faults} faults`;
  process.stdout.write(
    `${isFor ? 'found' : 'FOUND OTHERWISE'} at ${seed}: ${mutant.name} (${checks.join(', ')}; ${size})\n`,
  );
  if (seed !== mutant.foundAt) process.stdout.write(`  recorded was ${mutant.foundAt}\n`);
  if (wanted !== '') process.stdout.write(`${message}\n`);
}
