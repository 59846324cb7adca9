// What goes wrong with locks on Redis, done to every library in one run: a stalled event loop,
// a link that swallows everything, a lost reply, a late release, a short term, and a queue.
import { setTimeout as sleep } from 'node:timers/promises';
import { type FaultProxy, startFaultProxy } from '@devmentor/locks/testing';
import { Redis } from 'ioredis';
import type { Contender, Held, Session } from './contenders.ts';

const WAITERS = 20;
const HOLD_MS = 5;
const PROCESSES = 4;
const WATCHED_MS = 9_000;

/** What became of one library in one row; `text` is for people. */
export interface Finding {
  readonly text: string;
  /** Milliseconds or counts, by name. */
  readonly figures: Readonly<Record<string, number>>;
  /** Whether it is what one may ask of a lock. */
  readonly isGood: boolean;
}

export interface Row {
  readonly name: string;
  readonly goal: string;
  probe(contender: Contender, url: string): Promise<Finding>;
}

/** A session behind a proxy of its own, warmed up, and everything ended after. */
async function behindProxy(
  { connect }: Contender,
  url: string,
  probe: (session: Session, proxy: FaultProxy) => Promise<Finding>,
): Promise<Finding> {
  const proxy = await startFaultProxy({ to: url });
  const session = connect(proxy.url);
  try {
    await (await session.take('warm-up', 5_000)).release();
    return await probe(session, proxy);
  } finally {
    proxy.heal();
    await session.close();
    await proxy.close();
  }
}

const stall: Row = {
  name: 'event loop stalled 1 s, term 0.6 s: the first statement after it',
  goal: 'knows the loss',
  probe: async ({ connect }, url) => {
    const session = connect(url);
    const held = await session.hold('stall', 600);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
    const isLost = held.isLost();
    const startMs = performance.now();
    const isTold = await Promise.race([held.told.then(() => true), sleep(1_500, false)]);
    const toldMs = Math.round(performance.now() - startMs);
    void held.release();
    await sleep(100);
    await session.close();
    const later = isTold ? `told ${toldMs} ms later` : 'not told in 1.5 s';
    return {
      text: isLost ? 'knows' : `believes it holds; ${later}`,
      figures: { known: Number(isLost), ...(isTold && { toldMs }) },
      isGood: isLost,
    };
  },
};

const blackHole: Row = {
  name: 'link black-holed while holding, term 2 s: told after',
  goal: 'at most 50 ms past the term',
  probe: (contender, url) =>
    behindProxy(contender, url, async (session, proxy) => {
      const held = await session.hold('black-hole', 2_000);
      proxy.blackHole();
      const startMs = performance.now();
      const isTold = await Promise.race([held.told.then(() => true), sleep(WATCHED_MS, false)]);
      const toldMs = Math.round(performance.now() - startMs);
      void held.release();
      return {
        text: isTold ? `${toldMs} ms` : `never in ${WATCHED_MS / 1_000} s`,
        figures: isTold ? { toldMs } : {},
        isGood: isTold && toldMs <= 2_050,
      };
    }),
};

const lostReply: Row = {
  name: 'reply to the acquire lost, term 3 s: blocked by its own lock',
  goal: 'less than 500 ms, and at least 2 s left at hand-out',
  probe: (contender, url) =>
    behindProxy(contender, url, async (session, proxy) => {
      proxy.next(({ command, text }) => /^(eval|set)/.test(command) && text.includes('lost-reply'), {
        kind: 'lose-reply',
      });
      const startMs = performance.now();
      const held = await session.take('lost-reply', 3_000);
      const blockedMs = Math.round(performance.now() - startMs);
      const remainingMs = held.remainingMs();
      await held.release();
      const left = remainingMs === undefined ? '' : `, handed out with ${Math.round(remainingMs)} ms left`;
      return {
        text: `${blockedMs} ms${left}`,
        figures: { blockedMs, ...(remainingMs !== undefined && { remainingMs: Math.round(remainingMs) }) },
        isGood: blockedMs < 500 && (remainingMs === undefined || remainingMs >= 2_000),
      };
    }),
};

const lateRelease: Row = {
  name: 'release after the end',
  goal: 'says so, within 100 ms',
  probe: async ({ connect }, url) => {
    const session = connect(url);
    const held = await session.take('late-release', 300);
    await sleep(400);
    const startMs = performance.now();
    const answer = await held.release();
    const tookMs = Math.round(performance.now() - startMs);
    await session.close();
    // Resolving like any other release tells nobody that the lock was lost before.
    const isTelling = answer === 'expired' || answer === 'false' || answer.startsWith('throws');
    return { text: `${answer}, ${tookMs} ms`, figures: { tookMs }, isGood: tookMs < 100 && isTelling };
  },
};

const shortTerm: Row = {
  name: 'term 1 s held for 3 s: commands sent',
  goal: 'at most 20',
  probe: (contender, url) =>
    behindProxy(contender, url, async (session, proxy) => {
      const held = await session.hold('short-term', 1_000);
      let commands = 0;
      const stop = proxy.observe(({ text }) => {
        if (text.includes('short-term')) commands += 1;
      });
      await sleep(3_000);
      stop();
      await held.release();
      return { text: `${commands}`, figures: { commands }, isGood: commands <= 20 };
    }),
};

const queue: Row = {
  name: `${WAITERS} waiters of ${PROCESSES} processes, ${HOLD_MS} ms each: total, order, commands`,
  goal: 'at most 1.3 times a local FIFO, 0 inversions, at most 4 commands per grant',
  probe: async (contender, url) => {
    // Three times each way, in turn: one late timer is neither side's fault.
    const rounds: { readonly queued: Queued; readonly fifoMs: number }[] = [];
    for (let round = 0; round < 3; round += 1) {
      const fifoMs = await inLine();
      rounds.push({ queued: await standInLine(contender, url, `queue-${round}`), fifoMs });
    }
    // The quickest of each: what other programs do to the machine only ever adds.
    const tookMs = Math.min(...rounds.map(({ queued }) => queued.tookMs));
    const fifoMs = Math.min(...rounds.map((round) => round.fifoMs));
    const ratio = Number((tookMs / fifoMs).toFixed(2));
    const inversions = Math.max(...rounds.map(({ queued }) => queued.inversions));
    const perGrant = await commandsPerGrant(contender, url);
    return {
      text: `${Math.round(tookMs)} ms (${ratio} x FIFO), ${inversions} of ${(WAITERS * (WAITERS - 1)) / 2} pairs inverted, ${perGrant.toFixed(1)} commands per grant`,
      figures: {
        tookMs: Math.round(tookMs),
        fifoMs: Math.round(fifoMs),
        ratio,
        inversions,
        commandsPerGrant: perGrant,
      },
      isGood: ratio <= 1.3 && inversions === 0 && perGrant <= 4,
    };
  },
};

export const rows: readonly Row[] = [stall, blackHole, lostReply, lateRelease, shortTerm, queue];

interface Queued {
  /** From the first release until all have had their turn. */
  readonly tookMs: number;
  /** Pairs of which the one that asked later was served earlier. */
  readonly inversions: number;
}

/** The same holds one after the other in this process, with nothing between them. */
async function inLine(): Promise<number> {
  const startMs = performance.now();
  for (let n = 0; n < WAITERS; n += 1) await sleep(HOLD_MS);
  return performance.now() - startMs;
}

async function standInLine({ connect }: Contender, url: string, resource: string): Promise<Queued> {
  const sessions = Array.from({ length: PROCESSES }, () => connect(url));
  const session = (n: number): Session => sessions[n % PROCESSES] as Session;
  await Promise.all(sessions.map(async (one, n) => (await one.take(`warm-up-${n}`, 5_000)).release()));
  const first = await session(0).take(resource, 10_000);
  const order: number[] = [];
  const waiting: Promise<void>[] = [];
  const onlooker = new Redis(url);
  for (let n = 0; n < WAITERS; n += 1) {
    waiting.push(
      session(n)
        .take(resource, 10_000)
        .then(async (held: Held) => {
          order.push(n);
          await sleep(HOLD_MS);
          await held.release();
        }),
    );
    // The next one asks after the server has heard this one.
    await sleep(5);
    await onlooker.ping();
  }
  onlooker.disconnect();
  const startMs = performance.now();
  await first.release();
  await Promise.all(waiting);
  const tookMs = performance.now() - startMs;
  await Promise.all(sessions.map((one) => one.close()));
  const inversions = order.flatMap((n, at) => order.slice(at + 1).filter((later) => later < n)).length;
  return { tookMs, inversions };
}

/** Counted on the wire, in a run of its own: the proxy would cost the others time. */
async function commandsPerGrant(contender: Contender, url: string): Promise<number> {
  const proxy = await startFaultProxy({ to: url });
  let commands = 0;
  proxy.observe(({ text }) => {
    if (text.includes('counted')) commands += 1;
  });
  await standInLine(contender, proxy.url, 'counted');
  await proxy.close();
  return commands / (WAITERS + 1);
}

/** What a server says of itself. */
export async function infoOf(url: string, section: string): Promise<string> {
  const client = new Redis(url);
  try {
    return await client.info(section);
  } finally {
    client.disconnect();
  }
}
