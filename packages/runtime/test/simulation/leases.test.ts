import {
  type Disorder,
  explain,
  fenceDisorders,
  type LeaseInput,
  type LeaseOutput,
  leaseModel,
  leasesInFenceOrder,
  linearizable,
  linearizableLeases,
  mergeHistories,
  recordedRun,
} from '@devmentor/runtime/simulation';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainedByAnyMoment } from './every-order.fixture.ts';
import { chance, fenceOf, historyOf, type Line, leaseHistory } from './histories.fixture.ts';

type LeaseLine = Line<LeaseInput, LeaseOutput>;
const seeds = fc.integer();
const clients = leaseModel();
const store = leaseModel({ unseen: false });

const line = (ask: LeaseInput, told: LeaseLine['told'], from: number, to: number): LeaseLine => ({
  ask,
  told,
  from,
  to,
});
const claim = (by: string, fence: number, from: number, to = from): LeaseLine =>
  line({ kind: 'claim', by, ttlMs: 100 }, { kind: 'granted', fence: fenceOf(fence) }, from, to);
const renew = (fence: number, from: number, to = from): LeaseLine =>
  line({ kind: 'renew', fence: fenceOf(fence), ttlMs: 100 }, { kind: 'renewed' }, from, to);
const release = (fence: number, from: number, to = from): LeaseLine =>
  line({ kind: 'release', fence: fenceOf(fence) }, { kind: 'released' }, from, to);
const look = (fence: number, from: number, to = from): LeaseLine =>
  line({ kind: 'look' }, { kind: 'held', fence: fenceOf(fence) }, from, to);
const free = (from: number, to = from): LeaseLine => line({ kind: 'look' }, { kind: 'free' }, from, to);
const lost = (fence: number, from: number): LeaseLine =>
  line({ kind: 'lost', fence: fenceOf(fence) }, { kind: 'noted' }, from, from);

const judge = (...lines: readonly LeaseLine[]): string => linearizable(clients, historyOf(lines)).kind;
const strict = (...lines: readonly LeaseLine[]): string => linearizable(store, historyOf(lines)).kind;
const disorders = (...lines: readonly LeaseLine[]): readonly Disorder['rule'][] =>
  fenceDisorders(historyOf(lines)).map(({ rule }) => rule);

describe('leases', () => {
  it('[LC8] a grant over an unreleased lease is legal only where its term can have ended by then', () => {
    expect(judge(claim('a', 1, 0, 10), claim('b', 2, 20, 98))).toBe('violation');
    expect(judge(claim('a', 1, 0, 10), claim('b', 2, 20, 100))).toBe('linearizable');
    expect(judge(claim('a', 1, 0, 10), renew(1, 50, 60), claim('b', 2, 100, 148))).toBe('violation');
    expect(judge(claim('a', 1, 0, 10), renew(1, 50, 60), claim('b', 2, 100, 150))).toBe('linearizable');
    expect(judge(claim('a', 1, 0), release(1, 5), claim('b', 2, 6))).toBe('linearizable');
    expect(judge(claim('a', 1, 0), lost(1, 5), claim('b', 2, 6))).toBe('linearizable');
    expect(judge(claim('a', 1, 0), free(6))).toBe('violation');
    expect(judge(claim('a', 1, 0), free(100))).toBe('linearizable');
  });

  it('[LC8] a takeover, a revocation and a handing off are no lapses', () => {
    const over = line({ kind: 'takeover', by: 'b', ttlMs: 100 }, { kind: 'granted', fence: fenceOf(2) }, 5, 6);
    expect(judge(claim('a', 1, 0), over, look(2, 8))).toBe('linearizable');
    expect(judge(claim('a', 1, 0), over, renew(1, 8))).toBe('violation');
    const revoke = line({ kind: 'release' }, { kind: 'released' }, 5, 6);
    expect(judge(claim('a', 1, 0), revoke, claim('b', 2, 7))).toBe('linearizable');
    const give = line(
      { kind: 'hand-off', fence: fenceOf(1), to: 'b', ttlMs: 50 },
      { kind: 'granted', fence: fenceOf(2) },
      5,
      6,
    );
    expect(judge(claim('a', 1, 0), give, claim('b', 2, 7), renew(2, 9))).toBe('linearizable');
    expect(judge(claim('a', 1, 0), give, renew(1, 9))).toBe('violation');
  });

  it('[LC8] with clocks that may be apart, a term may seem shorter by twice as much', () => {
    const parts = (returnedMs: number) => {
      const [first, second] = historyOf([claim('a', 1, 0, 10), claim('b', 2, 20, returnedMs)]);
      return [first, second].map((operation) => ({
        operations: operation === undefined ? [] : [operation],
        sightings: [],
      }));
    };
    const judged = (returnedMs: number): number =>
      linearizableLeases({ slackMs: 5 }).inspect(recordedRun(mergeHistories(parts(returnedMs), { slackMs: 5 }))).length;
    expect([judged(88), judged(89)]).toEqual([1, 0]);
  });

  it('[LC8] equals the trial of every order and every millisecond, on thousands of small histories', () => {
    for (const unseen of [false, true]) {
      const kinds = { linearizable: 0, violation: 0, undecided: 0 };
      const model = leaseModel({ unseen });
      fc.assert(
        fc.property(seeds, (seed) => {
          const operations = historyOf(tinyHistory(seed));
          const verdict = linearizable(model, operations);
          kinds[verdict.kind]++;
          expect(verdict.kind === 'linearizable').toBe(explainedByAnyMoment(operations, unseen, 30));
        }),
        { numRuns: 2_500 },
      );
      expect(kinds.undecided).toBe(0);
      expect(Math.min(kinds.linearizable, kinds.violation)).toBeGreaterThan(250);
    }
  });

  it('[LC9] every grant has a greater fence, and a party that asks again is given its own', () => {
    expect(judge(claim('a', 2, 0), release(2, 1), claim('b', 1, 2))).toBe('violation');
    expect(judge(claim('a', 2, 0), release(2, 1), claim('b', 2, 2))).toBe('violation');
    expect(judge(claim('a', 2, 0), claim('a', 2, 1))).toBe('linearizable');
    expect(judge(claim('a', 2, 0), claim('a', 3, 1))).toBe('violation');
    const lostReply = line({ kind: 'claim', by: 'a', ttlMs: 100, request: 'r' }, 'unknown', 0, 1);
    expect(judge(lostReply, look(1, 2), claim('a', 1, 4))).toBe('linearizable');
    expect(judge(lostReply, look(1, 2), claim('b', 1, 4))).toBe('violation');
  });

  it('[LC9] a lease is renewed, released and seen only under its own fence, while it stands', () => {
    expect(judge(claim('a', 1, 0), release(7, 1))).toBe('violation');
    expect(judge(claim('a', 1, 0), claim('b', 2, 101), release(1, 102))).toBe('violation');
    expect(judge(claim('a', 1, 0), claim('b', 2, 101), renew(1, 102))).toBe('violation');
    expect(judge(claim('a', 1, 0), claim('b', 2, 101), look(1, 102))).toBe('violation');
    expect(judge(claim('a', 1, 0), release(1, 1), renew(1, 2))).toBe('violation');
    const ended = line({ kind: 'renew', fence: fenceOf(1), ttlMs: 100 }, { kind: 'ended' }, 50, 60);
    expect(judge(claim('a', 1, 0), ended)).toBe('violation');
    expect(judge(claim('a', 1, 0), lost(1, 10), ended)).toBe('linearizable');
  });

  it('[LC9] where everything is seen, refusals need a reason and a lapsed lease is not renewed', () => {
    const refused = line({ kind: 'claim', by: 'b', ttlMs: 100 }, { kind: 'refused' }, 110, 120);
    expect(strict(claim('a', 1, 0), refused)).toBe('violation');
    expect(judge(claim('a', 1, 0), refused)).toBe('linearizable');
    expect(strict(claim('a', 1, 0, 20), refused)).toBe('linearizable');
    expect(strict(claim('a', 1, 0), renew(1, 105))).toBe('violation');
    expect(judge(claim('a', 1, 0), renew(1, 105))).toBe('linearizable');
    // Granted late enough to stand at 110, and early enough to have lapsed at 105: no moment is both.
    expect(strict(claim('a', 1, 0, 20), free(105), look(1, 110))).toBe('violation');
  });

  it('[LC10] leases that work are never called wrong, by search or by fence, whatever goes on unseen', () => {
    for (const unseen of [false, true])
      fc.assert(
        fc.property(seeds, (seed) => {
          const operations = historyOf(
            leaseHistory(seed, { operations: 30, spread: 15, unknown: 12, keys: 2, unseen }),
          );
          const verdict = linearizable(unseen ? clients : store, operations);
          expect(verdict.kind === 'violation' ? explain(clients, verdict) : verdict.kind).toBe('linearizable');
          expect(fenceDisorders(operations)).toEqual([]);
        }),
        { numRuns: 2_500 },
      );
  });

  it('[LC11] an answer that cannot be true is found, wherever it stands', () => {
    const spoils: Record<string, (at: Spot) => LeaseLine | undefined> = {
      'a stale reading': ({ nowMs, current, stale }) => (current === undefined ? undefined : look(stale, nowMs)),
      'a second grant': ({ nowMs, current, untilMs }) =>
        current === undefined || untilMs <= nowMs + 2 ? undefined : claim('mallory', 1_000_000, nowMs),
      'a release by another': ({ nowMs, stale }) => release(stale, nowMs),
      'a fence that goes back': ({ nowMs, current, stale }) =>
        current === undefined ? undefined : claim('mallory', stale, nowMs),
      'a renewal that creates': ({ nowMs, stale }) => renew(stale, nowMs),
      'a lease that is overlooked': ({ nowMs, current, untilMs }) =>
        current === undefined || untilMs <= nowMs + 2 ? undefined : free(nowMs),
    };
    for (const [name, spoil] of Object.entries(spoils)) {
      let spoilt = 0;
      fc.assert(
        fc.property(seeds, (seed) => {
          const { lines, at } = walked(seed);
          const wrong = spoil(at);
          if (wrong === undefined) return;
          spoilt++;
          expect({ name, kind: judge(...lines, wrong) }).toEqual({ name, kind: 'violation' });
        }),
        { numRuns: 400 },
      );
      expect(spoilt).toBeGreaterThan(50);
    }
  });

  it('[LC12] faults are read off the fences: by two, backwards, after a release, before a lapse', () => {
    expect(disorders(claim('a', 1, 0), claim('b', 1, 200))).toEqual(['F1']);
    expect(disorders(claim('a', 2, 0), release(2, 1), claim('b', 1, 2))).toEqual(['F2']);
    expect(disorders(claim('a', 1, 0), claim('b', 2, 101), renew(1, 102))).toContain('F2');
    expect(disorders(claim('a', 1, 0), release(1, 1), renew(1, 2))).toEqual(['F3']);
    expect(disorders(claim('a', 1, 0), claim('b', 2, 50))).toEqual(['F4']);
    expect(disorders(claim('a', 1, 0), renew(1, 90), claim('b', 2, 120))).toEqual(['F4']);
    expect(disorders(claim('a', 1, 0), renew(1, 90), claim('b', 2, 190))).toEqual([]);
  });

  it('[LC12] whatever the fences call wrong has no order either', () => {
    const found = { both: 0, searchOnly: 0 };
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = chance(seed);
        const lines = leaseHistory(seed, { operations: 12, spread: 8, unknown: 10, unseen: false });
        const at = random(lines.length);
        const wrong = tinyHistory(seed ^ 0x5bd1e995)[0];
        const operations = historyOf(
          lines.map((right, index) => (index === at && wrong !== undefined ? moved(wrong, right) : right)),
        );
        const isWrong = linearizable(store, operations).kind === 'violation';
        const isDisordered = fenceDisorders(operations).length > 0;
        if (isDisordered) expect(isWrong).toBe(true);
        if (isWrong) found[isDisordered ? 'both' : 'searchOnly']++;
      }),
      { numRuns: 3_000 },
    );
    expect(found.both).toBeGreaterThan(100);
  });

  it('[LC12] ten thousand operations are judged at once, and one wrong answer among them is found', () => {
    const lines = leaseHistory(11, { operations: 12_000, spread: 10, unknown: 1, unseen: true });
    const operations = historyOf(lines);
    expect(operations.length).toBeGreaterThan(10_000);
    expect(fenceDisorders(operations)).toEqual([]);
    const at = operations.findIndex(
      ({ invokedMs, outcome }, index) =>
        index > 6_000 && outcome.kind === 'ok' && outcome.value.kind === 'granted' && invokedMs > 0,
    );
    const stale = fenceOf(3);
    const spoilt = lines.map((right, index) =>
      index === at + 1
        ? { ...right, ask: { kind: 'look' } as const, told: { kind: 'held', fence: stale } as const }
        : right,
    );
    const objections = leasesInFenceOrder().inspect(recordedRun({ operations: historyOf(spoilt), sightings: [] }));
    expect(objections.length).toBeGreaterThan(0);
    expect(objections.every(({ operations: ids }) => ids?.includes(at + 1))).toBe(true);
  });

  it('[LC7] an answer whose fence is out of order is shown where it came, not where it could have', () => {
    const lines = [claim('a', 1, 0), release(1, 1), claim('b', 2, 2), renew(2, 3), look(1, 4, 6), renew(2, 5)];
    const verdict = linearizable(clients, historyOf(lines));
    if (verdict.kind !== 'violation') throw new Error(verdict.kind);
    const told = explain(clients, verdict);
    expect(told).toContain('lease k: no order explains (4) p4: look → held #1  [4–6 ms]');
    expect(told).toContain(
      'Then b holds it under #2, which cannot have lapsed before 105 ms, and next would have to come\n  (4) p4',
    );
  });

  it('[LC12] the search, too, decides long histories whose fences tell their order', () => {
    const operations = historyOf(leaseHistory(12, { operations: 3_000, spread: 10, unknown: 1, unseen: true }));
    expect(linearizable(clients, operations).kind).toBe('linearizable');
  });
});

/** Where a sequential history stands after its last operation. */
interface Spot {
  readonly nowMs: number;
  readonly current: number | undefined;
  readonly untilMs: number;
  /** A fence whose lease has ended. */
  readonly stale: number;
}

/** Claims, renewals and releases one after another, with nothing unknown. */
function walked(seed: number): { lines: LeaseLine[]; at: Spot } {
  const random = chance(seed);
  const lines: LeaseLine[] = [claim('c0', 1, 0), release(1, 1)];
  let [nowMs, count, untilMs] = [1, 1, 0];
  let current: number | undefined;
  for (let i = 0; i < 4 + random(10); i++) {
    nowMs += 2 + random(40);
    if (current !== undefined && untilMs <= nowMs) current = undefined;
    if (current === undefined) {
      current = ++count;
      untilMs = nowMs + 100;
      lines.push(claim(`c${count}`, current, nowMs));
    } else if (random(2) === 0) {
      untilMs = nowMs + 100;
      lines.push(renew(current, nowMs));
    } else {
      lines.push(release(current, nowMs));
      current = undefined;
    }
  }
  return { lines, at: { nowMs: nowMs + 1, current, untilMs, stale: 1 + random(Math.max(1, count - 1)) } };
}

/** A few operations at small times, with answers that are anything. */
function tinyHistory(seed: number): LeaseLine[] {
  const random = chance(seed);
  const fence = (): string => fenceOf(1 + random(3));
  const by = (): string => `c${random(2)}`;
  return Array.from({ length: 2 + random(3) }, () => {
    const ttlMs = 3 + random(5);
    const from = random(14);
    const to = from + random(5);
    const isUnknown = random(6) === 0;
    const of = (ask: LeaseInput, ...answers: readonly LeaseOutput[]): LeaseLine =>
      line(ask, isUnknown ? 'unknown' : (answers[random(answers.length)] ?? 'unknown'), from, to);
    const granted: LeaseOutput = { kind: 'granted', fence: fence() };
    switch (random(8)) {
      case 0:
      case 1:
      case 2:
        return of({ kind: 'claim', by: by(), ttlMs }, granted, granted, { kind: 'refused' });
      case 3:
        return of({ kind: 'renew', fence: fence(), ttlMs }, { kind: 'renewed' }, { kind: 'ended' });
      case 4:
        return of({ kind: 'release', fence: fence() }, { kind: 'released' }, { kind: 'ended' });
      case 5:
        return of({ kind: 'takeover', by: by(), ttlMs }, granted, { kind: 'refused' });
      case 6:
        return line({ kind: 'lost', fence: fence() }, { kind: 'noted' }, from, to);
      default:
        return of(
          { kind: 'look' },
          { kind: 'held', fence: fence() },
          { kind: 'held', fence: fence(), by: by() },
          { kind: 'free' },
        );
    }
  });
}

function moved(wrong: LeaseLine, right: LeaseLine): LeaseLine {
  return { ...right, ask: wrong.ask, told: wrong.told };
}
