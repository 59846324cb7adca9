import fc from 'fast-check';
import { expect, it } from 'vitest';
import { goThrough, history, print, type Step } from './model/history.ts';

/** A few thousand here; a hundred thousand by `LOCKS_MODEL_HISTORIES=100000 pnpm prove locks-model`. */
const histories = Number(process.env.LOCKS_MODEL_HISTORIES ?? 2_000);

/** What a run has to have met to mean anything. */
const met = [
  ...['granted', 'busy', 'gone', 'unavailable', 'rejected'].map((outcome) => `claim ${outcome}`),
  ...['granted', 'denied', 'busy', 'rejected'].map((outcome) => `takeover ${outcome}`),
  ...['claimed', 'offered', 'released', 'expired', 'taken-over', 'takeover-requested', 'takeover-denied'].map(
    (type) => `event ${type}`,
  ),
  ...['request held', 'request queued', 'renew renewed', 'renew ended', 'answer draining', 'answer handed-over'],
  ...['hand-off handed-off', 'cancel left', 'cancel returned', 'release already', 'release superseded'],
  'stale write refused',
];

/** What chance found once: a renewal extends what is over here, and its giving back meets an answer that tells of it. */
const heldAnew: readonly Step[] = [
  { do: 'fault', process: 1, faults: ['request-lost', 'slow'] },
  { do: 'fault', process: 1, faults: ['slow', 'refused'] },
  { do: 'take over', process: 1, resource: 'press', party: 'eve', graceMs: 50, onSilence: 'grant' },
  { do: 'claim', process: 1, resource: 'press', party: 'eve', waitMs: 0, ttlMs: 300, renew: 'auto' },
  { do: 'pass', ms: 1_500 },
  { do: 'claim', process: 0, resource: 'press', party: 'ada', waitMs: 0, ttlMs: 300, renew: 'auto', requestId: 'r0' },
];

it('[LS2] [LS3] [LS5] [LS7] [HL1] [WT2] [WT4] no history of users, faults and clocks breaks what is promised', async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const world = await goThrough(steps);
      for (const [what, count] of world.seen) seen.set(what, (seen.get(what) ?? 0) + count);
      expect(world.objections, `in the history\n${print(steps)}\n`).toEqual([]);
    }),
    { numRuns: histories, examples: [[[...heldAnew]]] },
  );
  expect(met.filter((what) => !seen.has(what))).toEqual([]);
  if (process.env.LOCKS_MODEL_HISTORIES !== undefined)
    console.log(
      [...seen]
        .sort()
        .map(([what, count]) => `${what}: ${count}`)
        .join('\n'),
    );
}, 7_200_000);
