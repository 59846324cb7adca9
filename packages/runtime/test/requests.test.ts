import { SimulatedClock } from '@devmentor/locks/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Pending, Requests } from '../src/requests.ts';
import type { RequestOutcome } from '../src/transport.ts';

const body = Buffer.from('x');

describe('requests', () => {
  it('[RQ1] every request settles exactly once, by its deadline at the latest, whatever happens', async () => {
    const event = fc.oneof(
      fc.record({
        do: fc.constant('ask' as const),
        timeoutMs: fc.integer({ min: 1, max: 300 }),
        sent: fc.boolean(),
        signal: fc.boolean(),
      }),
      fc.record({ do: fc.constantFrom('answer', 'nobody', 'abort' as const), which: fc.nat({ max: 30 }) }),
      fc.record({ do: fc.constant('elapse' as const), ms: fc.integer({ min: 1, max: 120 }) }),
      fc.record({ do: fc.constant('lose' as const) }),
    );
    const reached = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60, size: 'max' }), async (events) => {
        const clock = new SimulatedClock();
        const requests = new Requests(clock);
        const asked: {
          settled: string[];
          pending: Pending;
          dueMs: number;
          stop: AbortController;
          settledAtMs: number;
        }[] = [];
        for (const step of events) {
          if (step.do === 'ask') {
            const stop = new AbortController();
            let opened: Pending | undefined;
            const answer = requests.open(
              { timeoutMs: step.timeoutMs, ...(step.signal ? { signal: stop.signal } : {}) },
              (pending) => {
                opened = pending;
                if (step.sent) requests.number([pending]);
              },
            );
            if (opened === undefined) throw new Error('not sent');
            const one = {
              settled: [] as string[],
              pending: opened,
              dueMs: clock.nowMs() + step.timeoutMs,
              stop,
              settledAtMs: Number.POSITIVE_INFINITY,
            };
            const note = (how: string): void => {
              one.settled.push(how);
              one.settledAtMs = clock.nowMs();
              reached.add(how);
            };
            answer.then(
              (outcome: RequestOutcome) => note(outcome.kind === 'lost' ? outcome.why : outcome.kind),
              () => note('aborted'),
            );
            asked.push(one);
          } else if (step.do === 'elapse') await clock.advance(step.ms);
          else if (step.do === 'lose') requests.loseAll('disconnected');
          else {
            const one = asked[step.which % Math.max(1, asked.length)];
            if (step.do === 'answer') requests.answer(one?.pending.id ?? 4_000_000, body);
            else if (step.do === 'nobody') requests.nobody(one?.pending.id ?? 4_000_000, 2);
            else one?.stop.abort(new Error('stop'));
          }
        }
        await clock.advance(1_000);
        for (const one of asked) {
          expect(one.settled).toHaveLength(1);
          expect(one.settledAtMs).toBeLessThanOrEqual(one.dueMs + 10);
        }
        expect([requests.size, clock.pending]).toEqual([0, 0]);
      }),
      { numRuns: 300 },
    );
    expect([...reached].sort()).toEqual(['aborted', 'deadline', 'disconnected', 'no-responders', 'reply']);
  });

  it('[RQ2] a deadline is never early', async () => {
    const clock = new SimulatedClock();
    const requests = new Requests(clock);
    await clock.advance(3.7);
    let atMs: number | undefined;
    requests
      .open({ timeoutMs: 25 }, () => {})
      .then(
        () => {
          atMs = clock.nowMs();
        },
        () => {},
      );
    await clock.advance(24);
    expect(atMs).toBeUndefined();
    await clock.advance(20);
    expect(atMs).toBeGreaterThanOrEqual(28.7);
  });

  it('[RQ2] a thousand requests with one deadline arm one alarm', () => {
    const clock = new SimulatedClock();
    const requests = new Requests(clock);
    for (let i = 0; i < 1_000; i++)
      void requests.open({ timeoutMs: 500 }, (pending) => void requests.number([pending]));
    expect(clock.pending).toBe(1);
    requests.loseAll('closed');
    expect(clock.pending).toBe(0);
  });

  it('[RQ1] a request without time left was asked of nobody', async () => {
    const requests = new Requests(new SimulatedClock());
    let sent = false;
    const outcome = await requests.open({ timeoutMs: 0 }, () => {
      sent = true;
    });
    expect([outcome, sent]).toEqual([{ kind: 'no-responders' }, false]);
  });

  it('[RQ3] an id is used once, and the ids of one batch follow each other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 }), async (sizes) => {
        const requests = new Requests(new SimulatedClock());
        const ids: number[] = [];
        for (const size of sizes) {
          const batch: Pending[] = [];
          for (let i = 0; i < size; i++) void requests.open({ timeoutMs: 50 }, (pending) => batch.push(pending));
          const first = requests.number(batch);
          expect(batch.map(({ id }) => id)).toEqual(batch.map((_, i) => first + i));
          ids.push(...batch.map(({ id }) => id));
        }
        // 0 is the id of a message that wants no answer.
        expect(ids).not.toContain(0);
        expect(new Set(ids).size).toBe(ids.length);
        requests.loseAll('closed');
      }),
    );
  });
});
