import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { defineConfig, type Options } from 'tsup';
import { libraryBuild } from '../../scripts/library-build.ts';

type Plugin = NonNullable<Options['plugins']>[number];

/**
 * Hooks belong to a browser, and say so to frameworks that render on a server; the client
 * runs anywhere. Written last: whatever removes dead code takes the directive for dead.
 */
const useClient: Plugin = {
  name: 'use-client',
  async buildEnd({ writtenFiles }) {
    for (const { name: path } of writtenFiles) {
      if (basename(path) !== 'index.js') continue;
      // On the first line, so that the source map still fits.
      await writeFile(path, `'use client';${await readFile(path, 'utf8')}`);
    }
  },
};

export default defineConfig({ ...libraryBuild(import.meta.dirname), plugins: [useClient] });
