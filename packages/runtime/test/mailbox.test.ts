import { parseFence } from '@devmentor/locks';
import { describe, expect, it } from 'vitest';
import { Mailbox, type Told } from '../src/mailbox.ts';

function told(n: number, more: Partial<Told> = {}): Told {
  return {
    kind: 'told',
    event: { type: 'e' },
    from: { sender: 's', n, floor: 1 },
    fence: undefined,
    asks: false,
    again: false,
    expiresAtMs: 1,
    traceparent: undefined,
    answer: [() => {}],
    ...more,
  };
}

describe('mailbox', () => {
  it('[MB1] letters leave in the order they came', () => {
    const mailbox = new Mailbox(10);
    const letters = [told(1), told(2), { kind: 'wake' } as const, told(3)];
    for (const letter of letters) mailbox.put(letter);
    expect(mailbox.take(3)).toEqual(letters.slice(0, 3));
    expect(mailbox.take(3)).toEqual(letters.slice(3));
  });

  it('[MB3] a repeat joins the one that waits or is being committed, and is new after that', () => {
    const mailbox = new Mailbox(10);
    const first = told(1);
    mailbox.put(first);
    expect(mailbox.put(told(1, { again: true }))).toBe('joined');
    mailbox.take(1);
    expect(mailbox.put(told(1))).toBe('joined');
    expect(first.answer).toHaveLength(3);
    expect(first.again).toBe(true);
    mailbox.finish(first);
    expect(mailbox.put(told(1))).toBe('queued');
  });

  it('[MB3] a repeat whose sender waits longer keeps the letter alive as long', () => {
    const mailbox = new Mailbox(10);
    const first = told(1, { expiresAtMs: 5 });
    mailbox.put(first);
    mailbox.put(told(1, { expiresAtMs: 9 }));
    mailbox.put(told(1, { expiresAtMs: 7 }));
    expect(first.expiresAtMs).toBe(9);
  });

  it('[MB4] what the actor itself caused is taken in though the mailbox is full', () => {
    const mailbox = new Mailbox(1);
    mailbox.put(told(1));
    expect(mailbox.put(told(2))).toBe('full');
    expect(mailbox.put({ kind: 'due', id: 't', generation: 1 })).toBe('queued');
    expect(mailbox.size).toBe(2);
  });

  it('[FN2] a letter with a fence is a group of its own', () => {
    const mailbox = new Mailbox(10);
    const fence = parseFence('1000000000000001');
    for (const letter of [told(1), told(2, { fence }), told(3), told(4)]) mailbox.put(letter);
    expect([mailbox.take(9), mailbox.take(9), mailbox.take(9)].map((group) => group.length)).toEqual([1, 1, 2]);
  });
});
