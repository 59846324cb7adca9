// How much of the machine other people's processes use while we measure. Linux only: elsewhere
// nobody tells, and what cannot be known to be quiet is not measured.
import { readdirSync, readFileSync } from 'node:fs';

/** Of the kernel's counters; the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

export interface CpuMark {
  readonly atMs: number;
  /** Ticks that everybody used, and that the hypervisor took away. */
  readonly everybody: number;
  /** Ticks that this process and what it started used. */
  readonly ours: number;
}

export function markCpu(): CpuMark {
  return { atMs: performance.now(), everybody: ticksOfEverybody(), ours: ticksOfOurs() };
}

/** Cores that processes other than ours kept busy since the mark, on average. */
export function foreignCores(since: CpuMark): number {
  const now = markCpu();
  const foreignTicks = now.everybody - since.everybody - (now.ours - since.ours);
  return Math.max(0, foreignTicks) / ticksPerSecond / ((now.atMs - since.atMs) / 1_000);
}

function ticksOfEverybody(): number {
  const [, user = 0, nice = 0, system = 0, , , , , steal = 0] = (read('/proc/stat')?.split('\n', 1)[0] ?? '')
    .split(/\s+/)
    .map(Number);
  return read('/proc/stat') === undefined ? Number.NaN : user + nice + system + steal;
}

/** Of the whole tree below us: servers, browsers and their children. */
function ticksOfOurs(): number {
  const parents = new Map<number, number>();
  const ticks = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    if (stat === undefined) continue;
    // "pid (name) state ppid …", and the name may hold anything.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [utime = 0, stime = 0, ofReaped = 0, systemOfReaped = 0] = fields.slice(11, 15);
    parents.set(Number(name), fields[1] ?? 0);
    ticks.set(Number(name), utime + stime + ofReaped + systemOfReaped);
  }
  let sum = 0;
  for (const [pid, used] of ticks) {
    let ancestor = pid;
    while (ancestor > 1 && ancestor !== process.pid) ancestor = parents.get(ancestor) ?? 0;
    if (ancestor === process.pid) sum += used;
  }
  return sum;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
