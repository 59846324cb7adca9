import { parseFence } from '@devmentor/locks';
import { describe, expect, it } from 'vitest';
import { MailLoad } from '../src/mail-load.ts';
import { letterOf, Mailbox, type Told } from '../src/mailbox.ts';

const roomy = { messages: 1_000, bytes: 1_000_000 };
const mailboxOf = (messages: number): Mailbox => new Mailbox({ ...roomy, messages }, new MailLoad(roomy));

function told(n: number, more: Partial<Told> = {}): Told {
  return {
    kind: 'told',
    atMs: 0,
    event: { type: 'e' },
    from: { sender: 's', n, floor: 1 },
    fence: undefined,
    asks: false,
    again: false,
    expiresAtMs: 1,
    traceparent: undefined,
    bytes: 10,
    answer: [() => {}],
    ...more,
  };
}

describe('mailbox', () => {
  it('[MB1] letters leave in the order they came', () => {
    const mailbox = mailboxOf(10);
    const letters = [told(1), told(2), { kind: 'wake' } as const, told(3)];
    for (const letter of letters) mailbox.put(letter);
    expect(mailbox.take(3)).toEqual(letters.slice(0, 3));
    expect(mailbox.take(3)).toEqual(letters.slice(3));
  });

  it('[MB3] a repeat joins the one that waits or is being committed, and is new after that', () => {
    const mailbox = mailboxOf(10);
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
    const mailbox = mailboxOf(10);
    const first = told(1, { expiresAtMs: 5 });
    mailbox.put(first);
    mailbox.put(told(1, { expiresAtMs: 9 }));
    mailbox.put(told(1, { expiresAtMs: 7 }));
    expect(first.expiresAtMs).toBe(9);
  });

  it('[MB4] what the actor itself caused is taken in though the mailbox is full', () => {
    const mailbox = mailboxOf(1);
    mailbox.put(told(1));
    expect(mailbox.put(told(2))).toBe('full');
    expect(mailbox.put({ kind: 'due', id: 't', generation: 1 })).toBe('queued');
    expect(mailbox.size).toBe(2);
  });

  it('[MB2] it is full by what its messages weigh, too', () => {
    const mailbox = new Mailbox({ messages: 10, bytes: 25 }, new MailLoad(roomy));
    expect([told(1), told(2), told(3)].map((letter) => mailbox.put(letter))).toEqual(['queued', 'queued', 'full']);
    const [first] = mailbox.take(1);
    if (first !== undefined) mailbox.finish(first);
    expect(mailbox.put(told(3))).toBe('queued');
  });

  it('[MB5] all mailboxes of a node are bounded together, and what has left them counts no more', () => {
    const load = new MailLoad({ messages: 3, bytes: 1_000 });
    const [one, other] = [new Mailbox(roomy, load), new Mailbox(roomy, load)];
    expect([one.put(told(1)), other.put(told(1)), other.put(told(2)), one.put(told(2))]).toEqual([
      'queued',
      'queued',
      'queued',
      'full',
    ]);
    const [taken] = other.take(1);
    expect(one.put(told(2))).toBe('full');
    if (taken !== undefined) other.finish(taken);
    expect(one.put(told(2))).toBe('queued');
    other.take(1);
    one.takeAll();
    other.takeAll();
    expect([load.messages, load.bytes]).toEqual([0, 0]);
  });

  it('[MB2] what was not weighed on the wire is weighed as it is taken in', () => {
    const letter = (text: string): Told =>
      letterOf({ op: 'deliver', id: 'a:b', event: { type: 'e', text }, remainingMs: 1 }, 0, () => {});
    expect(letter('x'.repeat(1_000)).bytes - letter('').bytes).toBe(1_000);
  });

  it('[FN2] a letter with a fence is a group of its own', () => {
    const mailbox = mailboxOf(10);
    const fence = parseFence('1000000000000001');
    for (const letter of [told(1), told(2, { fence }), told(3), told(4)]) mailbox.put(letter);
    expect([mailbox.take(9), mailbox.take(9), mailbox.take(9)].map((group) => group.length)).toEqual([1, 1, 2]);
  });
});
