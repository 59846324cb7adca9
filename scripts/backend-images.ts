// Programs out of container images, for machines with a Docker daemon and no package.
//
// Redis, NATS and PostgreSQL are copied out and run as ordinary processes: a suite that stops, kills
// or pauses them by pid must reach the server and not a client of the Docker daemon.
// Chromium is too large for that and only ever ended in order: it runs in its container.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fetchedPrograms } from '../test/find-program.ts';
import { root, run } from './workspace.ts';

export interface Image {
  readonly name: string;
  /** The program that appears in `fetchedPrograms`. */
  readonly program: string;
  /** Another one that appears beside it. */
  readonly companion?: string;
  /** A shell text to be run in a container; it copies what the program needs to /out. */
  readonly copy?: string;
  /** The launcher's text; `$here` is the folder that `copy` filled. */
  readonly launcher: string;
}

export const images = {
  // With its own loader and libraries, so that the system's may be of another kind.
  redis: {
    name: 'redis:7.4-alpine',
    program: 'redis-server',
    copy: 'cp /usr/local/bin/redis-server /lib/ld-musl-*.so.1 /out/ && ldd /usr/local/bin/redis-server | sed -n "s/.* => \\([^ ]*\\) .*/\\1/p" | xargs -I{} cp -L {} /out/ && cp /lib/ld-musl-*.so.1 /out/loader',
    launcher: 'exec "$here/loader" --library-path "$here" "$here/redis-server" "$@"',
  },
  nats: {
    name: 'nats:2.11-alpine',
    program: 'nats-server',
    copy: 'cp "$(command -v nats-server)" /out/',
    launcher: 'exec "$here/nats-server" "$@"',
  },
  // PostgreSQL finds its folders, and initdb finds postgres, by the path it was started by:
  // that of a script which hands the program to its loader under the script's own name.
  postgres: {
    name: 'postgres:17-alpine',
    program: 'initdb',
    companion: 'postgres',
    copy: `
      set -e
      mkdir -p /out/bin /out/real /out/lib /out/share
      cp -r /usr/local/lib/postgresql /out/lib/
      cp -r /usr/local/share/postgresql /out/share/
      for program in initdb postgres; do
        cp "/usr/local/bin/$program" /out/real/
        ldd "/usr/local/bin/$program" | sed -n "s/.* => \\([^ ]*\\) .*/\\1/p" | xargs -I{} cp -L {} /out/lib/
        printf '%s\n' '#!/bin/sh' 'here=$(dirname "$0")/..' 'exec "$here/loader" --library-path "$here/lib" --argv0 "$0" "$here/real/$(basename "$0")" "$@"' >"/out/bin/$program"
      done
      cp /lib/ld-musl-*.so.1 /out/loader
      chmod -R a+rX,u+w /out
      chmod 755 /out/bin/* /out/loader`,
    launcher: 'exec "$here/bin/$(basename "$0")" "$@"',
  },
  chromium: {
    name: 'chromedp/headless-shell:stable',
    program: 'chromium',
    launcher: `exec docker run --rm --init --network host --user "$(id -u):$(id -g)" --env HOME=/tmp --volume /tmp:/tmp --entrypoint /headless-shell/headless-shell chromedp/headless-shell:stable "$@"`,
  },
} as const satisfies Record<string, Image>;

/** Whether a Docker daemon answers; its programs run on Linux only. */
export async function dockerRuns(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  try {
    return (await run({ command: 'docker', args: ['info'], output: 'collect' })).exitCode === 0;
  } catch {
    return false;
  }
}

/** Makes a program of an image runnable on this machine. */
export async function fetchFromImage(image: Image): Promise<void> {
  process.stderr.write(`The tests need ${image.program}: taking it from the image ${image.name}.\n`);
  const files = join(fetchedPrograms, '..', image.program);
  rmSync(files, { recursive: true, force: true });
  mkdirSync(files, { recursive: true });
  mkdirSync(fetchedPrograms, { recursive: true });
  const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const copying = ['run', '--rm', '--user', owner, '--volume', `${files}:/out`, '--entrypoint', 'sh', image.name, '-c'];
  const args = image.copy === undefined ? ['pull', '--quiet', image.name] : [...copying, image.copy];
  const { exitCode, output } = await run({ command: 'docker', args, output: 'collect' });
  if (exitCode !== 0) throw new Error(`docker could not provide ${image.program}:\n${output.slice(-2_000)}`);
  for (const program of [image.program, image.companion].filter((name) => name !== undefined)) {
    const launcher = join(fetchedPrograms, program);
    writeFileSync(launcher, `#!/bin/sh\nhere=${JSON.stringify(files)}\n${image.launcher}\n`);
    chmodSync(launcher, 0o755);
    process.stderr.write(`${relative(root, launcher)} is in place.\n`);
  }
}
