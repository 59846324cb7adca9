// The programs that tests run against: Redis, NATS, PostgreSQL and Chromium.
//
// Found on this machine; else installed by apt, as root on Debian; else taken out of
// container images. Whatever is still missing then is an error that names the fix: no
// test is ever skipped for a missing program.
import { existsSync, readFileSync } from 'node:fs';
import { chromiumNames } from '../test/chromium.ts';
import { findProgram } from '../test/find-program.ts';
import { dockerRuns, fetchFromImage, type Image, images } from './backend-images.ts';
import { run } from './workspace.ts';

interface Program {
  readonly names: readonly string[];
  readonly debianPackage: string;
  readonly image: Image;
}

const programs: readonly Program[] = [
  { names: ['redis-server'], debianPackage: 'redis-server', image: images.redis },
  { names: ['nats-server'], debianPackage: 'nats-server', image: images.nats },
  { names: ['initdb'], debianPackage: 'postgresql', image: images.postgres },
  { names: chromiumNames, debianPackage: 'chromium', image: images.chromium },
];

/** Puts in place what is missing; throws, naming the fix, when it cannot. */
export async function ensurePrograms(): Promise<void> {
  if (missing().length > 0 && canUseApt()) await installWithApt(missing());
  if (missing().length > 0 && (await dockerRuns())) {
    for (const program of missing()) await fetchFromImage(program.image);
  }
  const still = missing();
  if (still.length === 0) return;
  throw new Error(
    [
      `The tests need ${still.map(({ names }) => names[0]).join(', ')}, which this machine lacks. One of these puts it right:`,
      `  Debian, Ubuntu:  sudo apt-get install -y --no-install-recommends ${packagesOf(still)}`,
      `  macOS:           brew install redis nats-server postgresql@17 && brew install --cask chromium`,
      '  elsewhere:       put these programs on the PATH, or start a Docker daemon, and run again',
    ].join('\n'),
  );
}

function missing(): Program[] {
  return programs.filter(({ names }) => findProgram(...names) === undefined);
}

function packagesOf(wanted: readonly Program[]): string {
  return wanted.map(({ debianPackage }) => debianPackage).join(' ');
}

function canUseApt(): boolean {
  return process.getuid?.() === 0 && findProgram('apt-get') !== undefined && isDebian();
}

function isDebian(): boolean {
  return existsSync('/etc/os-release') && /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
}

async function installWithApt(wanted: readonly Program[]): Promise<void> {
  const names = packagesOf(wanted);
  process.stderr.write(`The tests need ${names}: installing with apt-get, as root.\n`);
  // A Debian package of a server starts it. policy-rc.d is how Debian is told not to, and
  // the tests start their own.
  const script = `
    set -e
    export DEBIAN_FRONTEND=noninteractive
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      trap 'rm -f "$policy"' EXIT
      printf '#!/bin/sh\\nexit 101\\n' >"$policy"
      chmod 755 "$policy"
    fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends ${names}`;
  const { exitCode, output } = await run({ command: 'sh', args: ['-c', script], output: 'collect' });
  if (exitCode !== 0) process.stderr.write(`apt-get could not install ${names}:\n${output.slice(-2_000)}\n`);
}
