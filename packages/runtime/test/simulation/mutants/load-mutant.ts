// Given to a process with `--import`: it runs the product with one passage of one file changed. The change
// comes in `DEVMENTOR_MUTANT`, a `Mutation` as JSON; the process ends when the passage is not there once.
import { registerHooks } from 'node:module';

/** One passage of the product's source, and what stands there instead. */
export interface Mutation {
  /** From the root of the repository. */
  readonly file: string;
  readonly passage: string;
  readonly instead: string;
}

const given = process.env.DEVMENTOR_MUTANT;
if (given !== undefined) {
  const { file, passage, instead } = JSON.parse(given) as Mutation;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(`/${file}`)) return loaded;
      const source = String(loaded.source);
      const found = source.split(passage).length - 1;
      if (found !== 1)
        throw new Error(
          `a mutant changes this passage of ${file}, which is there ${found} times and not once:\n${passage}\n` +
            'Where the safeguard stands now, say so in test/simulation/mutants/mutants.ts.',
        );
      return { ...loaded, source: source.replace(passage, () => instead) };
    },
  });
}
