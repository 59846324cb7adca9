import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@devmentor/locks';
import { RedisLink } from '@devmentor/locks/redis';
import { RedisNamespace } from '@devmentor/runtime/redis';
import { openDatabase } from '@devmentor/runtime/sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { Board, fold } from '../src/board.ts';
import type { BoardHead } from '../src/board-store.ts';
import type { Entry } from '../src/entry.ts';
import { RedisBoardStore } from '../src/redis.ts';
import { SqliteBoardStore } from '../src/sqlite.ts';
import { synthesize } from '../src/synthesis.ts';
import { memoryStore, moves, play } from './board-log.fixture.ts';

describe('a board folded from a random log', () => {
  it('[BF1] is the same at once and in pieces, and agrees with what its store says', async () => {
    let entries = 0;
    await fc.assert(
      fc.asyncProperty(moves, fc.nat(), async (played, cut) => {
        const { head, log } = await play(memoryStore(), played);
        const whole = fold(head, log);
        const pieces = fold(head, log.slice(0, cut % (log.length + 1)));
        for (const entry of log.slice(pieces.rev)) pieces.apply(entry);
        expect(shown(pieces)).toEqual(shown(whole));
        expect({ status: whole.status, ended: whole.ended, rev: whole.rev }).toEqual({
          status: head.status,
          ended: head.ended,
          rev: head.rev,
        });
        entries += log.length;
      }),
    );
    expect(entries).toBeGreaterThan(500);
  });

  it('[BD1][BD2][BD7][BF2] has no gaps, one commit per activation, links that lead back, and never overspends', async () => {
    let commits = 0;
    await fc.assert(
      fc.asyncProperty(moves, async (played) => {
        const { head, log } = await play(memoryStore(), played);
        expect(log.map(({ rev }) => rev)).toEqual(log.map((_, i) => i + 1));
        const committed = log.flatMap((entry) => (entry.kind === 'committed' ? [entry.key] : []));
        expect(new Set(committed).size).toBe(committed.length);
        commits += committed.length;
        const board = new Board(head);
        for (const entry of log) {
          const supports = entry.kind === 'contribution' ? entry.contribution.supports : [];
          for (const { id, version } of supports)
            expect(board.current(id)?.version ?? 0).toBeGreaterThanOrEqual(version);
          board.apply(entry);
          expect(board.spent.contributions).toBeLessThanOrEqual(head.settings.budget.contributions);
          expect(board.left.timeMs).toBe(head.settings.budget.timeMs - board.spent.timeMs - reservedIn(board));
        }
      }),
    );
    expect(commits).toBeGreaterThan(20);
  });

  it('[SY1][SY4] makes a Solution whose statements all stand on it, whatever came in between', async () => {
    await fc.assert(
      fc.asyncProperty(moves, async (played) => {
        const { head, log } = await play(memoryStore(), played);
        const solution = synthesize(fold(head, log), 'asked');
        expect(synthesize(fold(head, log), 'asked')).toEqual(solution);
        for (const { contributions } of solution.statements) expect(contributions.length).toBeGreaterThan(0);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the stores', () => {
  it('give the same answers and the same log to the same random moves', { timeout: 120_000 }, async () => {
    const redis = await startRedis();
    const link = RedisLink.open({ redis: redis.url });
    const dir = mkdtempSync(join(tmpdir(), 'devmentor-boards-'));
    const database = openDatabase(dir, { clock: systemClock });
    const sqlite = new SqliteBoardStore(database);
    let round = 0;
    try {
      await fc.assert(
        fc.asyncProperty(moves, async (played) => {
          round += 1;
          const expected = comparable(await play(memoryStore(), played));
          const shared = new RedisBoardStore(new RedisNamespace({ link, namespace: `m${round}`, shards: 2 }));
          expect(comparable(await play(shared, played))).toEqual(expected);
          await sqlite.remove('x');
          expect(comparable(await play(sqlite, played))).toEqual(expected);
        }),
        { numRuns: 60 },
      );
    } finally {
      database.close();
      rmSync(dir, { recursive: true, force: true });
      await link.close();
      await redis.stop();
    }
  });
});

function shown(board: Board): unknown {
  return {
    standing: [...board.standing()],
    activations: [...board.activations()],
    active: [...board.active()],
    counts: board.counts,
    spent: board.spent,
    left: board.left,
    status: board.status,
  };
}

function reservedIn(board: Board): number {
  return [...board.activations()].reduce((sum, { reservedMs }) => sum + reservedMs, 0);
}

/** Without the times of the store. */
function comparable({
  head,
  log,
  answers,
}: {
  head: BoardHead;
  log: readonly Entry[];
  answers: readonly unknown[];
}): unknown {
  const { createdAtMs: _, updatedAtMs: __, ...facts } = head;
  return { facts, answers, log: log.map(({ atMs: ___, ...entry }) => entry) };
}
