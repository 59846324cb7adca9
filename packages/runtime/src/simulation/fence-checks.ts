// Checks of what was seen where it happened: at guarded resources, at stores, at the way out.

import { type Objection, type Run, type RunCheck, sightingsOf } from './check.ts';
import { isLeaseOperation, short } from './lease-operation.ts';
import { msText } from './ms-text.ts';

/**
 * At a resource, writers exclude each other by their fences: what is admitted never has a lesser fence than
 * what was admitted before, one fence is one writer's, and nobody is turned away who need not be.
 */
export function exclusiveByFence(): RunCheck {
  const check = 'exclusive by fence';
  return {
    name: check,
    inspect(run) {
      const objections: Objection[] = [];
      const highest = new Map<string, { readonly fence: string; readonly by: string }>();
      for (const { key, by, fence, admitted, atMs } of sightingsOf(run, 'guarded-write')) {
        const before = highest.get(key);
        const object = (what: string): void => {
          objections.push({ check, kind: 'violation', key, message: `${key} at ${msText(atMs)} ms: ${what}` });
        };
        if (!admitted) {
          if (before === undefined || fence > before.fence)
            object(`${by} was turned away under ${short(fence)}, and no greater fence was ever admitted`);
          continue;
        }
        if (before !== undefined && fence < before.fence)
          object(`${by} was admitted under ${short(fence)} after ${before.by} under ${short(before.fence)}`);
        if (before !== undefined && fence === before.fence && by !== before.by)
          object(`${by} and ${before.by} were both admitted under ${short(fence)}`);
        if (before === undefined || fence >= before.fence) highest.set(key, { fence, by });
      }
      return objections;
    },
  };
}

/** Every grant carries a greater fence than every grant before it, as stores made them and as clients heard of them. */
export function risingFences(): RunCheck {
  const check = 'rising fences';
  return {
    name: check,
    inspect(run) {
      const objections: Objection[] = [];
      const latest = new Map<string, { readonly fence: string; readonly to: string }>();
      for (const { key, to, fence, atMs } of sightingsOf(run, 'grant')) {
        const before = latest.get(key);
        if (before === undefined || fence > before.fence) latest.set(key, { fence, to });
        else {
          const message = `${key} at ${msText(atMs)} ms: ${to} was granted ${short(fence)} after ${before.to} ${short(before.fence)}`;
          objections.push({ check, kind: 'violation', key, message });
        }
      }
      return [...objections, ...heard(check, run)];
    },
  };
}

interface Grant {
  readonly id: number;
  readonly key: string;
  readonly fence: string;
  readonly process: string;
}

/** A grant that was asked for after another was answered has a greater fence, or is the same party's own again. */
function heard(check: string, run: Run): Objection[] {
  const events: { readonly at: number; readonly grant: Grant; readonly isEnd: boolean }[] = [];
  for (const operation of run.history.operations()) {
    if (!isLeaseOperation(operation) || operation.outcome.kind !== 'ok') continue;
    const { id, key, process, order, outcome } = operation;
    if (outcome.value.kind !== 'granted') continue;
    const grant: Grant = { id, key, process, fence: outcome.value.fence };
    events.push({ at: order.invoked, grant, isEnd: false });
    events.push({ at: order.returned ?? Number.POSITIVE_INFINITY, grant, isEnd: true });
  }
  events.sort((a, b) => a.at - b.at);
  const objections: Objection[] = [];
  const top = new Map<string, Grant>();
  /** What was the highest when each of those under way was asked for. */
  const bar = new Map<number, Grant>();
  for (const { grant, isEnd } of events) {
    const highest = top.get(grant.key);
    if (!isEnd) {
      if (highest !== undefined) bar.set(grant.id, highest);
      continue;
    }
    const before = bar.get(grant.id);
    bar.delete(grant.id);
    if (before !== undefined && grant.fence < before.fence) {
      const message = `${grant.key}: (${grant.id}) ${grant.process} was granted ${short(grant.fence)} after (${before.id}) ${before.process} ${short(before.fence)}`;
      objections.push({ check, kind: 'violation', key: grant.key, message, operations: [before.id, grant.id] });
    }
    if (highest === undefined || grant.fence > highest.fence) top.set(grant.key, grant);
  }
  return objections;
}

/** What an object should do to the outside once, named by its id. */
export interface Owed {
  readonly key: string;
  readonly id: string;
}

/** No effect left twice; and those that are owed, because clients were told so, left. */
export function effectivelyOnce(options: { readonly owed?: (run: Run) => Iterable<Owed> } = {}): RunCheck {
  const check = 'effectively once';
  return {
    name: check,
    inspect(run) {
      const objections: Objection[] = [];
      const object = (key: string, what: string): void => {
        objections.push({ check, kind: 'violation', key, message: `${key}: ${what}` });
      };
      const times = new Map<string, Map<string, number[]>>();
      for (const { key, id, atMs } of sightingsOf(run, 'effect')) {
        const ofKey = times.get(key) ?? new Map<string, number[]>();
        times.set(key, ofKey.set(id, [...(ofKey.get(id) ?? []), atMs]));
      }
      for (const [key, ids] of times)
        for (const [id, at] of ids)
          if (at.length > 1) object(key, `${id} left ${at.length} times, at ${at.join(', ')} ms`);
      for (const { key, id } of options.owed?.(run) ?? [])
        if (times.get(key)?.has(id) !== true) object(key, `${id} was acknowledged, and never left`);
      return objections;
    },
  };
}
