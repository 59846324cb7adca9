// Where a program of the test bench lives. `pnpm test` puts missing ones in place
// beforehand (scripts/backends.ts); a test that is run alone only looks.
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where `scripts/backends.ts` leaves what it took out of a container image. */
export const fetchedPrograms = join(import.meta.dirname, '..', '.cache', 'backends', 'bin');

/** Debian keeps servers in sbin, which an ordinary user's PATH lacks. */
const alsoSearched = [
  '/usr/local/bin',
  '/usr/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/opt/homebrew/bin',
  fetchedPrograms,
  ...versionsIn('/usr/lib/postgresql', /^\d+$/),
  ...versionsIn('/opt/homebrew/opt', /^postgresql@\d+$/),
];

/** Packages of PostgreSQL keep its servers out of the PATH, one folder a version; the newest first. */
function versionsIn(directory: string, name: RegExp): string[] {
  try {
    const versions = readdirSync(directory).filter((entry) => name.test(entry));
    return versions
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map((entry) => join(directory, entry, 'bin'));
  } catch {
    return [];
  }
}

/** The path of the first of these programs that can be run, or undefined. */
export function findProgram(...names: string[]): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter).filter((entry) => entry !== ''), ...alsoSearched];
  for (const name of names) {
    for (const directory of directories) {
      const path = join(directory, name);
      if (isExecutable(path)) return path;
    }
  }
  return undefined;
}

/** As `findProgram`, but a missing program is an error that names the fix. */
export function requireProgram(...names: string[]): string {
  const path = findProgram(...names);
  if (path !== undefined) return path;
  throw new Error(`${names.join(' or ')} is not on this machine; \`pnpm test\` installs it, or says how to`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
