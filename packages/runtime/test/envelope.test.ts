// What a node makes of what other nodes send it, well meant or not.
import { describe, expect, it } from 'vitest';
import { decodeAnswer, decodeRequest } from '../src/envelope.ts';

const deliver = { op: 'deliver', id: 'counter:a', event: { type: 'add' }, remainingMs: 1_000 };
const from = { sender: 'n1', n: 2, floor: 1 };
const asBody = (data: unknown): Buffer => Buffer.from(JSON.stringify(data));

describe('a request', () => {
  it('[EN1] a well formed one comes through as it was sent', () => {
    for (const sender of ['n1-xY_0', 'key~~~abc', 'counter:b', 'counter:a b/c'])
      expect(decodeRequest(asBody({ ...deliver, from: { ...from, sender } }))).toMatchObject({ from: { sender } });
    expect(decodeRequest(asBody({ ...deliver, fence: '1000000000000001', again: true, asks: false }))).toBeDefined();
    expect(decodeRequest(asBody({ op: 'read', id: 'counter:a', fresh: true, remainingMs: 1 }))).toBeDefined();
    expect(decodeRequest(asBody({ op: 'watch', id: 'counter:a', after: -1, remainingMs: 1 }))).toBeDefined();
  });

  it('[EN1] one that no node of ours would send is dropped', () => {
    const hostile: unknown[] = [
      null,
      [],
      { ...deliver, id: 'nobody' },
      { ...deliver, op: 'seal' },
      { ...deliver, event: 'add' },
      { ...deliver, remainingMs: '1' },
      // Would be a guard that no honest fence ever reaches.
      { ...deliver, fence: 'zzzzzzzzzzzzzzzz' },
      { ...deliver, fence: '99' },
      { ...deliver, again: 'yes' },
      { ...deliver, asks: 1 },
      { ...deliver, traceparent: {} },
      // A sender that is no node and no actor would be remembered for ever.
      { ...deliver, from: { ...from, sender: '' } },
      { ...deliver, from: { ...from, sender: ':' } },
      { ...deliver, from: { ...from, sender: 'x'.repeat(1_000) } },
      { ...deliver, from: { ...from, sender: 'a b' } },
      { ...deliver, from: { ...from, floor: 3 } },
      { ...deliver, from: { ...from, n: 0.5 } },
      { op: 'read', id: 'counter:a', fresh: 'yes', remainingMs: 1 },
      { op: 'watch', id: 'counter:a', after: '0', remainingMs: 1 },
    ];
    for (const data of hostile) expect(decodeRequest(asBody(data)), JSON.stringify(data)).toBeUndefined();
    expect(decodeRequest(Buffer.from('{'))).toBeUndefined();
  });
});

describe('an answer', () => {
  it('[EN1] one whose parts are missing is dropped', () => {
    const fault = { code: 'ACTOR_FAILED', message: 'why', applied: 'no' };
    const view = { value: 'open', context: {}, status: 'active', version: 1 };
    for (const data of [
      { kind: 'committed', version: 1 },
      { kind: 'view', view },
      { kind: 'fault', fault },
      { kind: 'lost' },
    ])
      expect(decodeAnswer(asBody(data))).toEqual(data);
    for (const data of [
      { kind: 'committed' },
      { kind: 'view' },
      { kind: 'fault', fault: {} },
      { kind: 'fault' },
      { kind: 'odd' },
    ])
      expect(decodeAnswer(asBody(data))).toBeUndefined();
  });
});
