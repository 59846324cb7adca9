import { readFileSync } from 'node:fs';

/** The version of this package, from beside the sources or the build. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
