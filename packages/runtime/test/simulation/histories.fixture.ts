// Histories for tests of the checkers: written by hand, or generated from a sequential run whose
// operations are given random times around the moments at which they took effect.
import type {
  LeaseInput,
  LeaseOutput,
  Operation,
  Outcome,
  RegisterInput,
  RegisterOutput,
} from '@devmentor/runtime/simulation';

/** One operation by hand: who, what, what it was told, and from when until when. */
export interface Line<In, Out> {
  readonly by?: string;
  readonly key?: string;
  readonly ask: In;
  /** `'unknown'` and `'failed'` are outcomes; anything else is an answer. */
  readonly told: Out | 'unknown' | 'failed';
  readonly from: number;
  readonly to: number;
}

/** Operations in the order of their times; of one moment, beginnings come first, so that they overlap. */
export function historyOf<In, Out>(lines: readonly Line<In, Out>[]): Operation<In, Out>[] {
  const events = lines
    .flatMap((line) => [
      { line, at: line.from, rank: 0 },
      { line, at: line.to, rank: 1 },
    ])
    .sort((a, b) => a.at - b.at || a.rank - b.rank);
  const places = new Map<Line<In, Out>, number[]>();
  for (const [place, { line }] of events.entries()) places.set(line, [...(places.get(line) ?? []), place]);
  return lines.map((line, id) => {
    const [invoked = 0, returned = 0] = places.get(line) ?? [];
    const process = line.by ?? `p${id}`;
    return {
      id,
      process,
      node: process,
      key: line.key ?? 'k',
      input: line.ask,
      invokedMs: line.from,
      returnedMs: line.to,
      outcome: outcomeOf(line.told),
      order: { invoked, returned },
    };
  });
}

function outcomeOf<Out>(told: Line<unknown, Out>['told']): Outcome<Out> {
  if (told === 'unknown' || told === 'failed') return { kind: told === 'unknown' ? 'unknown' : 'failed' };
  return { kind: 'ok', value: told as Out };
}

/** A number in [0, bound) at a time, from a seed (mulberry32). */
export function chance(seed: number): (bound: number) => number {
  let state = seed | 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * bound);
  };
}

export const fenceOf = (count: number): string => String(count).padStart(16, '0');

export interface Shape {
  readonly operations: number;
  /** At most this long before and after its moment. */
  readonly spread: number;
  /** Of a hundred operations, how many are of unknown outcome. */
  readonly unknown: number;
  readonly keys?: number;
}

/** A register that works, asked by clients whose answers are sometimes lost. */
export function registerHistory(seed: number, shape: Shape): Line<RegisterInput, RegisterOutput>[] {
  const random = chance(seed);
  const values = new Map<string, number>();
  const lines: Line<RegisterInput, RegisterOutput>[] = [];
  let nowMs = 0;
  for (let i = 0; i < shape.operations; i++) {
    nowMs += random(4);
    const key = `k${random(shape.keys ?? 1)}`;
    const value = values.get(key) ?? 0;
    const kind = random(3);
    const ask: RegisterInput =
      kind === 0
        ? { kind: 'read' }
        : kind === 1
          ? { kind: 'write', value: i + 1 }
          : { kind: 'compare-and-set', from: random(2) === 0 ? value : value - 1, to: i + 1 };
    const from = nowMs - random(shape.spread + 1);
    const to = nowMs + random(shape.spread + 1);
    if (random(100) < shape.unknown) {
      // Half of them never happen; the others do, also after the client has given up.
      if (random(2) === 0) apply(values, key, ask);
      lines.push({ key, ask, told: 'unknown', from, to: from + random(shape.spread + 1) });
    } else lines.push({ key, ask, told: apply(values, key, ask), from, to });
  }
  return lines;
}

function apply(values: Map<string, number>, key: string, ask: RegisterInput): RegisterOutput {
  const value = values.get(key) ?? 0;
  if (ask.kind === 'read') return { kind: 'value', value };
  if (ask.kind === 'compare-and-set' && ask.from !== value) return { kind: 'other' };
  values.set(key, Number(ask.kind === 'write' ? ask.value : ask.to));
  return { kind: 'written' };
}

interface Standing {
  by: string;
  fence: string;
  untilMs: number;
  ttlMs: number;
  told: boolean;
}

/**
 * Leases that work. With `unseen`, much goes on that the history does not tell: terms are prolonged,
 * others are offered the resource and let it go, holders lose heart and give it back.
 */
export function leaseHistory(
  seed: number,
  shape: Shape & { readonly unseen: boolean },
): Line<LeaseInput, LeaseOutput>[] {
  const random = chance(seed);
  const lines: Line<LeaseInput, LeaseOutput>[] = [];
  const standings = new Map<string, Standing>();
  const past: string[] = [];
  let nowMs = 0;
  let count = 0;
  const at = (key: string): Standing | undefined => {
    const standing = standings.get(key);
    if (standing !== undefined && standing.untilMs <= nowMs) standings.delete(key);
    return standings.get(key);
  };
  const grant = (key: string, by: string, ttlMs: number, told: boolean): string => {
    const fence = fenceOf(++count);
    if (told) past.push(fence);
    standings.set(key, { by, fence, untilMs: nowMs + ttlMs, ttlMs, told });
    return fence;
  };
  for (let i = 0; i < shape.operations; i++) {
    nowMs += random(8);
    const key = `k${random(shape.keys ?? 1)}`;
    if (shape.unseen)
      behindTheScenes(
        at(key),
        () => standings.delete(key),
        () => grant(key, 'ghost', 5, false),
      );
    const standing = at(key);
    const from = nowMs - random(shape.spread + 1);
    const to = nowMs + random(shape.spread + 1);
    const isUnknown = random(100) < shape.unknown;
    const happens = !isUnknown || random(2) === 0;
    const add = (ask: LeaseInput, told: LeaseOutput): void => {
      lines.push({ key, ask, told: isUnknown ? 'unknown' : told, from, to });
    };
    const fence = standing?.told === true && random(4) > 0 ? standing.fence : (past[random(past.length)] ?? fenceOf(0));
    const isCurrent = standing?.fence === fence;
    const ttlMs = 10 + random(3) * 10;
    switch (random(6)) {
      case 0:
      case 1: {
        const by = `c${random(4)}`;
        const isFree = standing === undefined;
        const ask: LeaseInput = { kind: 'claim', by, ttlMs };
        if (standing !== undefined && standing.by === by) add(ask, { kind: 'granted', fence: standing.fence });
        else if (isFree && happens) add(ask, { kind: 'granted', fence: grant(key, by, ttlMs, !isUnknown) });
        else add(ask, { kind: 'refused' });
        break;
      }
      case 2:
        if (isCurrent && happens && standing !== undefined) {
          standing.untilMs = nowMs + ttlMs;
          standing.ttlMs = ttlMs;
        }
        add({ kind: 'renew', fence, ttlMs }, { kind: isCurrent ? 'renewed' : 'ended' });
        break;
      case 3:
        if (isCurrent && happens) standings.delete(key);
        add({ kind: 'release', fence }, { kind: isCurrent ? 'released' : 'ended' });
        break;
      case 4: {
        if (random(3) > 0) break;
        const by = `t${random(2)}`;
        if (standing?.by === by) break;
        const ask: LeaseInput = { kind: 'takeover', by, ttlMs };
        if (happens) add(ask, { kind: 'granted', fence: grant(key, by, ttlMs, !isUnknown) });
        else add(ask, { kind: 'refused' });
        break;
      }
      case 5:
        if (standing === undefined) add({ kind: 'look' }, { kind: 'free' });
        else add({ kind: 'look' }, { kind: 'held', by: standing.by, fence: standing.fence });
    }
  }
  return lines;

  function behindTheScenes(standing: Standing | undefined, end: () => void, offer: () => void): void {
    if (standing === undefined) {
      if (random(6) === 0) offer();
      return;
    }
    if (random(3) === 0) standing.untilMs = Math.max(standing.untilMs, nowMs + standing.ttlMs);
    // Whoever was never told of a lease may give it back; whoever was says first that it is lost.
    if (random(5) > 0) return;
    if (standing.told) {
      const key = [...standings].find(([, other]) => other === standing)?.[0] ?? 'k0';
      lines.push({
        key,
        ask: { kind: 'lost', fence: standing.fence },
        told: { kind: 'noted' },
        from: nowMs,
        to: nowMs,
      });
    }
    end();
  }
}
