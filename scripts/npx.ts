// npx does not hand a SIGTERM on: where /bin/sh is dash, it ends its own shell, and pnpm
// and the server below would go on unseen, holding the port.
import { readFileSync } from 'node:fs';

const lookEveryMs = 250;

/** Sends this process SIGTERM, so that it ends in order, when the npx above it is gone. */
export function endWithNpx(): void {
  const npx = npxAbove(process.ppid);
  if (npx === undefined) return;
  let leaving = false;
  let listening = false;
  const look = setInterval(() => {
    // Ctrl-C reaches everybody by itself, and a second signal could read as impatience. We
    // hear signals only once the server does: alone, a listener would swallow them.
    if (!listening && process.listenerCount('SIGTERM') > 0) {
      listening = true;
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (leaving = true));
    }
    if (commandOf(npx)?.startsWith('npm exec') === true) return;
    clearInterval(look);
    if (!leaving) process.kill(process.pid, 'SIGTERM');
  }, lookEveryMs);
  look.unref();
}

/** Only Linux tells; elsewhere sh steps aside for what it runs, and signals arrive. */
function npxAbove(pid: number): number | undefined {
  for (let ancestor = pid; ancestor > 1; ancestor = parentOf(ancestor)) {
    if (commandOf(ancestor)?.startsWith('npm exec') === true) return ancestor;
  }
  return undefined;
}

function parentOf(pid: number): number {
  const stat = processFile(pid, 'stat') ?? '';
  // "pid (name) state ppid …", and the name may hold anything.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

function commandOf(pid: number): string | undefined {
  return processFile(pid, 'cmdline');
}

function processFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
