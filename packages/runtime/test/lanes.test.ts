// What a receiver remembers of the actors that tell it something is bounded, and nothing is lost
// or applied twice by that.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLaneClosed, laneClosed } from '../src/lanes.ts';
import type { Commit } from '../src/state-store.ts';
import type { CommitFault } from '../src/testing-faults.ts';
import { Ledger } from './ledger.fixture.ts';
import { solo } from './solo.fixture.ts';

const book = 'book';
const pass = (id: string) => ({ type: 'pass', id, to: book }) as const;
const tellers = (count: number) => Array.from({ length: count }, (_, i) => `teller${i}`);
const closesOf = (calls: readonly (readonly Commit[])[]) => calls.flat().flatMap(({ closes = [] }) => closes);

describe('lanes', () => {
  it('[OB7] of the actors that tell one, those beyond its limit close their lanes when they have told all', async () => {
    const { runtime, run, clock, calls, state } = await solo([Ledger], { limits: { actorLanes: 3 } });
    for (const key of tellers(20)) await run(runtime.actor(Ledger, key).tell(pass(key)));
    await clock.advance(2_000);
    expect(await run(runtime.actor(Ledger, book).ask({ type: 'list' }))).toEqual(tellers(20));
    expect(new Set(closesOf(calls).map(({ sender }) => sender)).size).toBe(17);
    for (const key of tellers(20)) expect((await state.peek(`ledger:${key}`))?.outbox).toEqual([]);
    // It is settled without the record of it: the next messages are new ones.
    for (const key of tellers(20)) await run(runtime.actor(Ledger, key).tell(pass(`again ${key}`)));
    await clock.advance(2_000);
    expect(await run(runtime.actor(Ledger, book).ask({ type: 'list' }))).toHaveLength(40);
  });

  it('[OB7] one that has not too many closes none, and those it has told are sent nothing more', async () => {
    const { runtime, run, clock, calls } = await solo([Ledger], { limits: { actorLanes: 20 } });
    for (const key of tellers(20)) await run(runtime.actor(Ledger, key).tell(pass(key)));
    await clock.advance(2_000);
    expect(closesOf(calls)).toEqual([]);
    expect(calls.flat().flatMap(({ outbox }) => outbox.add)).toHaveLength(20);
  });

  it('[OB7] a refusal that is settled closes the lane too, and is one dead letter', async () => {
    const { runtime, run, clock, calls, deadLetters } = await solo([Ledger], { limits: { actorLanes: 0 } });
    await run(runtime.actor(Ledger, book).tell({ type: 'note', id: 'first' }));
    const wrong: object = { type: 'pass', id: 'x', to: '' };
    await expect(run(runtime.actor(Ledger, 'a').tell(wrong as never))).rejects.toMatchObject({ code: 'ACTOR_FAILED' });
    await run(runtime.actor(Ledger, 'b').tell(pass('y')));
    await clock.advance(2_000);
    expect(deadLetters).toHaveLength(1);
    expect(closesOf(calls).map(({ sender }) => sender)).toContain('ledger:b');
  });

  it('[OB7] a lane is closed also while its receiver stands suspended, and wakes no machine', async () => {
    const { runtime, run, clock, calls, faults } = await solo([Ledger], { limits: { actorLanes: 0 } });
    await run(runtime.actor(Ledger, 'a').tell(pass('x')));
    await run(runtime.admin.suspend(runtime.actor(Ledger, book), 'by hand'));
    await clock.advance(3_000);
    expect(closesOf(calls).map(({ sender }) => sender)).toContain('ledger:a');
    expect(faults).toEqual([]);
  });

  it('[RU6] nobody closes a lane from outside', async () => {
    const { runtime, run } = await solo([Ledger]);
    const forged: object = { type: laneClosed };
    const telling = runtime.actor(Ledger, book).tell(forged as never);
    await expect(run(telling)).rejects.toMatchObject({ code: 'UNHANDLED_EVENT' });
  });

  it('[OB8] a message that waited while later lanes were closed is numbered anew, and applied once, in order', async () => {
    const { runtime, run, clock, state } = await solo([Ledger], { limits: { actorLanes: 0 } });
    const ledger = runtime.actor(Ledger, book);
    await run(ledger.tell({ type: 'note', id: 'first' }));
    await run(runtime.admin.suspend(ledger, 'by hand'));
    const slow = runtime.actor(Ledger, 'slow');
    for (const id of ['s1', 's2']) await run(slow.tell(pass(id)));
    await clock.advance(5_000);
    const before = (await state.peek(slow.id))?.outbox.map(({ n }) => n) ?? [];
    await run(runtime.admin.resume(ledger));
    await run(runtime.actor(Ledger, 'quick').tell(pass('q')));
    await clock.advance(20);
    await run(slow.tell(pass('s3')));
    await clock.advance(5_000);
    expect(await run(ledger.ask({ type: 'list' }))).toEqual(['first', 'q', 's1', 's2', 's3']);
    expect(before).toHaveLength(2);
    expect((await state.peek(slow.id))?.outbox).toEqual([]);
  });

  it('[OB7] a lane is closed only up to what has left the outbox of its sender, whose next owner tells the rest again', async () => {
    const isClosing = ({ outbox }: Commit) => outbox.add.some(isLaneClosed);
    // Told a second thing after so many turns of the loop: before the end of the lane is owed, with it, and after.
    for (let turns = 0; turns < 30; turns += 2) {
      let closing = 0;
      let isCut = false;
      const node = await solo([Ledger], {
        limits: { actorLanes: 0 },
        fault: (commits) => {
          const own = commits.filter(({ id }) => id === 'ledger:a');
          if (isCut && closing > 0 && own.length > 0) return 'not-applied';
          closing += own.filter(isClosing).length;
          return 'none';
        },
      });
      await node.run(node.runtime.actor(Ledger, book).tell({ type: 'note', id: 'first' }));
      isCut = true;
      const teller = node.runtime.actor(Ledger, 'a');
      const told = [teller.tell(pass('x'))];
      for (let i = 0; i < turns; i++) await Promise.resolve();
      told.push(teller.tell(pass('y')));
      const acknowledged = Promise.allSettled(told);
      await node.clock.advance(100);
      isCut = false;
      await node.restart();
      const isTold = (await node.run(acknowledged)).map(({ status }) => status === 'fulfilled');
      await node.clock.advance(3_000);
      const notes = await node.run(node.runtime.actor(Ledger, book).ask({ type: 'list' }));
      expect([turns, notes]).toEqual([turns, [...new Set(notes)]]);
      expect([turns, notes]).toEqual([turns, expect.arrayContaining(['x', 'y'].filter((_, i) => isTold[i]))]);
      // And in the end it is closed: nothing was settled on it above that.
      const settles = node.calls.flat().flatMap((commit) => commit.settles);
      const highest = (of: readonly { readonly sender: string; readonly n: number }[]) =>
        Math.max(...of.filter(({ sender }) => sender === 'ledger:a').map(({ n }) => n));
      expect(highest(closesOf(node.calls))).toBeGreaterThanOrEqual(highest(settles));
    }
  });

  it('[OB7] [OB8] whatever commits are lost and whenever its node goes, each message is applied once', async () => {
    let closed = 0;
    let renumbered = 0;
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('pass' as const), by: fc.nat(4) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 30, 2_000) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('suspend' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
    );
    const fault = fc.oneof(
      { weight: 8, arbitrary: fc.constant<CommitFault>('none') },
      { weight: 1, arbitrary: fc.constantFrom<CommitFault>('lost-reply', 'not-applied') },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 30 }),
        fc.infiniteStream(fault),
        fc.nat(2),
        async (steps, faults, actorLanes) => {
          const node = await solo([Ledger], { limits: { actorLanes }, fault: () => faults.next().value });
          const ledger = () => node.runtime.actor(Ledger, book);
          await node.run(ledger().tell({ type: 'note', id: 'first' }));
          const told: string[] = [];
          let suspended = false;
          for (const [i, step] of steps.entries()) {
            if (step.do === 'wait') await node.clock.advance(step.ms);
            else if (step.do === 'restart') await node.restart();
            else if (step.do === 'suspend') {
              await node.run(
                suspended ? node.runtime.admin.resume(ledger()) : node.runtime.admin.suspend(ledger(), 'x'),
              );
              suspended = !suspended;
            } else {
              const id = `teller${step.by}/${i}`;
              told.push(id);
              await node.run(node.runtime.actor(Ledger, `teller${step.by}`).tell(pass(id)));
            }
          }
          if (suspended) await node.run(node.runtime.admin.resume(ledger()));
          await node.clock.advance(20_000);
          const [first, ...notes] = await node.run(ledger().ask({ type: 'list' }));
          expect(first).toBe('first');
          for (const by of tellers(5))
            expect(notes.filter((id) => id.startsWith(`${by}/`))).toEqual(told.filter((id) => id.startsWith(`${by}/`)));
          expect(notes).toHaveLength(told.length);
          for (const key of tellers(5)) expect((await node.state.peek(`ledger:${key}`))?.outbox ?? []).toEqual([]);
          closed += closesOf(node.calls).length;
          renumbered += node.calls.flat().filter(({ outbox }) => isRenumbering(outbox)).length;
          await node.run(node.runtime.stop());
        },
      ),
      { numRuns: 60 },
    );
    expect(closed).toBeGreaterThan(50);
    expect(renumbered).toBeGreaterThan(0);
  });
});

/** What is removed is owed again, under other numbers. */
function isRenumbering({ add, remove }: Commit['outbox']): boolean {
  return remove.length > 0 && add.some(({ event }) => (event as { type: string }).type === 'note');
}
