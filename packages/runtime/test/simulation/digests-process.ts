// Prints the digests of seeds: `node digests-process.ts 1 2 3`.
import { mixed } from './mixed.fixture.ts';

for (const seed of process.argv.slice(2)) {
  const report = await mixed.play(await mixed.caseOf(Number(seed)));
  process.stdout.write(`${report.digest()}\n`);
}
