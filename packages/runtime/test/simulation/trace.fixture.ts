// A trace as a world would write it, of any length: three nodes claim, renew and write, and things break.
import type { Fault } from '../../src/simulation/fault.ts';
import type { TraceEntry, TraceEvent } from '../../src/simulation/trace.ts';

export const faults: readonly Fault[] = [
  { kind: 'stall', node: 1, atMs: 400, forMs: 2_500 },
  { kind: 'cut', node: 2, line: 'locks', way: 'in', atMs: 5_000, forMs: 4_000 },
  { kind: 'crash', node: 0, at: { crossing: 31 }, restartAfterMs: 3_000 },
  { kind: 'call', node: 2, line: 'locks', nth: 3, what: 'lost-reply' },
];

/** A short story: a claim, an unknown outcome, a crash and a restart. */
export function shortTrace(): TraceEntry[] {
  const entries: TraceEntry[] = [];
  const at = (atMs: number, node: string, event: TraceEvent): void => void entries.push({ ...event, atMs, node });
  at(0, 'world', { kind: 'note', label: 'n1, n2 and n3 are up' });
  at(12.25, 'n1', { kind: 'call', id: 1, op: 'claim', key: 'doc:1', detail: 'ttl 2000' });
  at(12.25, 'n1', { kind: 'send', id: 1, to: 'locks', label: 'grant doc:1' });
  at(13, 'locks', { kind: 'arrive', id: 1, from: 'n1', label: 'grant doc:1' });
  at(13, 'locks', { kind: 'send', id: 2, to: 'n1', label: 'grant doc:1: granted' });
  at(13.9, 'n1', { kind: 'arrive', id: 2, from: 'locks', label: 'grant doc:1: granted' });
  at(13.9, 'n1', { kind: 'return', id: 1, outcome: 'ok 1' });
  at(400, 'n2', { kind: 'fault', label: 'n2 stands still' });
  at(600, 'n1', { kind: 'send', id: 3, to: 'locks', label: 'renew doc:1' });
  at(601, 'locks', { kind: 'arrive', id: 3, from: 'n1', label: 'renew doc:1' });
  at(2_000, 'n3', { kind: 'call', id: 2, op: 'claim', key: 'doc:1', detail: '' });
  at(2_000, 'n3', { kind: 'send', id: 4, to: 'locks', label: 'grant doc:1' });
  at(2_001, 'locks', { kind: 'arrive', id: 4, from: 'n3', label: 'grant doc:1' });
  at(2_001, 'locks', { kind: 'send', id: 5, to: 'n3', label: 'grant doc:1: granted' });
  at(2_001, 'n3', { kind: 'lost', id: 5, why: 'lost-reply' });
  at(2_400, 'n2', { kind: 'note', label: 'n2 goes on' });
  at(2_500, 'n1', { kind: 'fault', label: 'n1 crashes' });
  at(4_000, 'n3', { kind: 'return', id: 2, outcome: 'unknown' });
  at(5_500, 'n1', { kind: 'note', label: 'n1 starts again' });
  at(5_600, 'n2', { kind: 'call', id: 3, op: 'write', key: 'page', detail: 'fence 1' });
  at(5_601, 'n2', { kind: 'return', id: 3, outcome: 'failed STALE_FENCE' });
  return entries;
}

/** A long one: `rounds` of a claim with its messages, each in part different from the last. */
export function longTrace(rounds: number): TraceEntry[] {
  const entries: TraceEntry[] = [];
  let ms = 0;
  let id = 0;
  for (let round = 0; round < rounds; round++) {
    ms += round % 17 === 0 ? 1_700 : 3 + (round % 5);
    const node = `n${(round % 3) + 1}`;
    const call = ++id;
    const label = round % 4 === 0 ? `renew node:${node}` : `grant doc:${round % 7}`;
    const sends = [++id, ++id] as const;
    const isLost = round % 23 === 5;
    entries.push({
      kind: 'call',
      atMs: ms,
      node,
      id: call,
      op: 'claim',
      key: `doc:${round % 7}`,
      detail: `round ${round}`,
    });
    entries.push({ kind: 'send', atMs: ms, node, id: sends[0], to: 'locks', label });
    entries.push({ kind: 'arrive', atMs: ms + 0.6, node: 'locks', id: sends[0], from: node, label });
    entries.push({ kind: 'send', atMs: ms + 0.6, node: 'locks', id: sends[1], to: node, label: `${label}: granted` });
    if (isLost) entries.push({ kind: 'lost', atMs: ms + 0.6, node, id: sends[1], why: 'cut' });
    else
      entries.push({ kind: 'arrive', atMs: ms + 1.5, node, id: sends[1], from: 'locks', label: `${label}: granted` });
    if (round % 50 === 20) entries.push({ kind: 'fault', atMs: ms + 1.5, node, label: `${node} crashes` });
    if (round % 50 === 21)
      entries.push({
        kind: 'note',
        atMs: ms + 1.5,
        node: `n${((round - 1) % 3) + 1}`,
        label: `n${((round - 1) % 3) + 1} starts again`,
      });
    entries.push({ kind: 'return', atMs: ms + 1.6, node, id: call, outcome: isLost ? 'unknown' : `ok ${round}` });
  }
  return entries;
}
