import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sender, type Ticket } from '../src/sender.ts';

function opened(sender: Sender): Ticket {
  const ticket = sender.open('t:1');
  if (ticket === 'full' || 'wait' in ticket) throw new Error('there is a place');
  return ticket;
}

describe('sender', () => {
  it('[SE1] the floor is the lowest number not settled, and the window above it never exceeds 64', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(80)), { maxLength: 200 }), (steps) => {
        const sender = new Sender('node');
        const open: Ticket[] = [];
        let last = 0;
        for (const step of steps) {
          if (step === null) {
            const ticket = sender.open('t:1');
            if (ticket === 'full' || 'wait' in ticket) {
              if (ticket !== 'full') ticket.giveUp();
              expect(last - (open[0]?.numbered().n ?? 0)).toBe(63);
              continue;
            }
            open.push(ticket);
            const { n, floor } = ticket.numbered();
            expect(n).toBe(last + 1);
            last = n;
            expect(floor).toBe(open[0]?.numbered().n);
            expect(n - floor).toBeLessThan(64);
          } else {
            open.splice(step % Math.max(1, open.length), 1)[0]?.settle();
          }
        }
      }),
    );
  });

  it('[SE1] who waits for a place gets it in order', async () => {
    const sender = new Sender('node');
    const tickets = Array.from({ length: 64 }, () => opened(sender));
    const order: number[] = [];
    for (const name of [1, 2]) {
      const waiting = sender.open('t:1');
      if (waiting === 'full' || !('wait' in waiting)) throw new Error('there is no place');
      void waiting.wait.then(() => order.push(name));
    }
    tickets[5]?.settle();
    await Promise.resolve();
    expect(order).toEqual([]);
    for (const ticket of tickets) ticket.settle();
    await Promise.resolve();
    expect(order).toEqual([1, 2]);
  });

  it('[SE3] a lane without unsettled numbers is forgotten', () => {
    const sender = new Sender('node');
    const tickets = [opened(sender), opened(sender)];
    expect(sender.lanes).toBe(1);
    for (const ticket of tickets) ticket.settle();
    expect(sender.lanes).toBe(0);
  });
});
