import type { Blackboard, Contribution, WireEvent } from '@devmentor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BoardView,
  resetBoard,
  unreadBoard,
  withBoard,
  withBoardEvents,
  withContributions,
} from '../src/board-view.ts';

const counts = { contributions: 0, pending: 0, running: 0, done: 0, obviated: 0, failed: 0 };

const atMinute = (minute: number): string => `2026-01-31T09:${String(minute).padStart(2, '0')}:00.000Z`;

function boardAt(minute: number, status: Blackboard['status'] = 'running'): Blackboard {
  return {
    id: 'b1',
    title: 'Circle',
    status,
    sources: [],
    counts,
    agenda: [],
    budget: {},
    spent: { contributions: 0, activations: 0, timeMs: 0 },
    createdAt: atMinute(0),
    updatedAt: atMinute(minute),
  };
}

function contribution(revision: number): Contribution {
  const knowledge = { level: 'fact', value: revision };
  return { id: `c${revision}`, revision, cursor: `${revision}`, source: 'somebody', knowledge, at: atMinute(0) };
}

function contributed(revision: number): WireEvent {
  const data = { blackboardId: 'b1', contribution: contribution(revision) };
  return { ...placed(revision), type: 'blackboard.contribution', data };
}

function progressed(minute: number, status: Blackboard['status']): WireEvent {
  return { ...placed(minute), type: 'blackboard.progress', data: { blackboardId: 'b1', status, counts } };
}

function placed(revision: number) {
  return { topic: 'blackboard:b1', seq: `${revision}`, prev: `${revision - 1}`, at: atMinute(revision) };
}

const revisions = (view: BoardView): number[] => view.contributions.map(({ revision }) => revision);

describe('the view of a board', () => {
  it('[BV1] contributions stand in the order of revisions, each once, whether they were read or told, and how often', () => {
    const portions = fc.array(
      fc.record({ isTold: fc.boolean(), revisions: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 12 }) }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(portions, (given) => {
        const view = given.reduce(
          (before, { isTold, revisions: some }) =>
            isTold ? withBoardEvents(before, some.map(contributed)) : withContributions(before, some.map(contribution)),
          unreadBoard,
        );
        const all = new Set(given.flatMap(({ revisions: some }) => some));
        expect(revisions(view)).toEqual([...all].sort((a, b) => a - b));
      }),
    );
  });

  it('[BV2] an answer that is older than the last event leaves the status alone', () => {
    const solved = withBoardEvents(resetBoard(unreadBoard, boardAt(1)), [progressed(9, 'solved')]);
    expect(withBoard(solved, boardAt(5)).board?.status).toBe('solved');
    expect(withBoard(solved, boardAt(9, 'running')).board?.status).toBe('running');
  });

  it('[BV2] a failure is told with its reason, and forgotten when the board goes on', () => {
    const failed = withBoardEvents(resetBoard(unreadBoard, boardAt(1)), [
      { ...placed(2), type: 'blackboard.failed', data: { blackboardId: 'b1', reason: 'no source got through' } },
    ]);
    expect(failed).toMatchObject({ failure: 'no source got through', board: { status: 'failed' } });
    expect(resetBoard(failed, boardAt(3)).failure).toBeUndefined();
  });

  it('[BV3] what was known already is the same object as before', () => {
    const known = withContributions(unreadBoard, [1, 2, 3].map(contribution));
    expect(withContributions(known, [2, 3].map(contribution))).toBe(known);
    expect(withBoardEvents(known, [contributed(1)])).toBe(known);
    expect(withBoardEvents(known, [contributed(4)]).contributions[0]).toBe(known.contributions[0]);
  });
});
