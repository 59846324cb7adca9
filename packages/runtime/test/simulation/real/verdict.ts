// Judges what the outside wrote down: the history of every object by the linearizability checker,
// the resources' own logs by their fences, and the last readings by what was acknowledged.
import type { History, Operation, Sighted } from '../../../src/simulation/history.ts';
import { leaseModel } from '../../../src/simulation/lease-model.ts';
import type { LeaseOperation } from '../../../src/simulation/lease-operation.ts';
import { byKey, linearizableKey, type NoOrder, SEARCH_BUDGET } from '../../../src/simulation/linearizable.ts';
import { type LogOperation, logModel } from '../../../src/simulation/log-model.ts';
import type { SequentialModel } from '../../../src/simulation/sequential-model.ts';
import type { Key } from './client.ts';
import { fencedRegisterModel } from './fenced-register.ts';

/** Something that the product says cannot happen. */
export interface Complaint {
  readonly check: string;
  /** A story that a person can read. */
  readonly says: string;
}

export interface Judgement {
  readonly complaints: readonly Complaint[];
  /** Objects whose histories were found linearizable, by the kind of object. */
  readonly linearizable: Readonly<Record<ObjectKind, number>>;
  /** Objects whose histories were too costly to judge: neither right nor wrong. */
  readonly undecided: readonly string[];
}

export const OBJECT_KINDS = ['lease', 'register', 'set', 'actor'] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

/**
 * The outside and Redis read different clocks of one machine, and a holder that lost its lease gives
 * it back up to a hundredth of the term before its end.
 */
const SLACK_MS = 30;

export function kindOfKey(key: string): ObjectKind {
  return (key as Key).slice(0, key.indexOf('/')) as ObjectKind;
}

export function judge(history: History): Judgement {
  const operations = history.operations();
  const kinds: Readonly<Record<ObjectKind, Judged>> = {
    lease: judgeKind('lease', operations, leaseModel({ slackMs: SLACK_MS })),
    register: judgeKind('register', operations, fencedRegisterModel),
    set: judgeKind('set', operations, logModel()),
    actor: judgeKind('actor', operations, logModel()),
  };
  const all = OBJECT_KINDS.map((kind) => kinds[kind]);
  return {
    complaints: [
      ...all.flatMap(({ complaints }) => complaints),
      ...overtaken(history.sightings()),
      ...grantedTwice(operations),
      ...lostOrDoubled(operations),
    ],
    linearizable: {
      lease: kinds.lease.linearizable,
      register: kinds.register.linearizable,
      set: kinds.set.linearizable,
      actor: kinds.actor.linearizable,
    },
    undecided: all.flatMap(({ undecided }) => undecided),
  };
}

interface Judged {
  readonly linearizable: number;
  readonly undecided: readonly string[];
  readonly complaints: readonly Complaint[];
}

function judgeKind<State, In, Out>(
  kind: ObjectKind,
  operations: readonly Operation[],
  model: SequentialModel<State, In, Out>,
): Judged {
  let linearizable = 0;
  const undecided: string[] = [];
  const complaints: Complaint[] = [];
  const own = operations.filter(({ key }) => kindOfKey(key) === kind) as readonly Operation<In, Out>[];
  for (const [key, ofKey] of byKey(own)) {
    const verdict = linearizableKey(model, key, ofKey, SEARCH_BUDGET);
    if (verdict.kind === 'linearizable') linearizable++;
    else if (verdict.kind === 'undecided') undecided.push(key);
    else complaints.push({ check: `${key} is linearizable`, says: story(verdict, model) });
  }
  return { linearizable, undecided, complaints };
}

const TOLD_BEFORE = 12;

function story<State, In, Out>(found: NoOrder<In, Out>, model: SequentialModel<State, In, Out>): string {
  const line = (operation: Operation<In, Out>): string => {
    const { process, invokedMs, returnedMs } = operation;
    const end = returnedMs === undefined ? '…' : returnedMs.toFixed(1);
    return `  ${invokedMs.toFixed(1)}–${end} ms ${process}: ${model.describe?.(operation) ?? JSON.stringify(operation.input)}`;
  };
  return [
    `no order explains`,
    line(found.culprit),
    `after`,
    ...found.prefix.slice(-TOLD_BEFORE).map(line),
    `when ${found.believed}; what had to come next, and could not:`,
    ...found.stuck.slice(0, TOLD_BEFORE).map(line),
  ].join('\n');
}

/** Writes that a resource took under an older fence after one under a newer. */
function overtaken(sightings: readonly Sighted[]): readonly Complaint[] {
  const highest = new Map<string, { readonly fence: string; readonly by: string }>();
  const complaints: Complaint[] = [];
  for (const seen of sightings) {
    if (seen.kind !== 'guarded-write' || !seen.admitted) continue;
    const before = highest.get(seen.key);
    if (before === undefined || seen.fence >= before.fence) {
      highest.set(seen.key, seen);
      continue;
    }
    const says = `${seen.by} wrote under ${seen.fence} after ${before.by} had written under ${before.fence}`;
    complaints.push({ check: `fences never go down at ${seen.key}`, says });
  }
  return complaints;
}

/** Claims under one name that were granted under different fences. */
function grantedTwice(operations: readonly Operation[]): readonly Complaint[] {
  const fences = new Map<string, string>();
  const complaints: Complaint[] = [];
  const claims = operations.filter(({ key }) => kindOfKey(key) === 'lease') as readonly LeaseOperation[];
  for (const { key, input, outcome } of claims) {
    if (input.kind !== 'claim' || outcome.kind !== 'ok' || outcome.value.kind !== 'granted') continue;
    const { fence } = outcome.value;
    const before = fences.get(input.by) ?? fence;
    fences.set(input.by, before);
    if (before !== fence)
      complaints.push({ check: `${key} is granted once for a request`, says: `${input.by}: ${before}, then ${fence}` });
  }
  return complaints;
}

/** Of every list, what was acknowledged and is not in its last reading, or is in it more than once. */
function lostOrDoubled(operations: readonly Operation[]): readonly Complaint[] {
  const complaints: Complaint[] = [];
  const lists = operations.filter(({ key }) => ['set', 'actor'].includes(kindOfKey(key))) as readonly LogOperation[];
  for (const [key, own] of byKey(lists)) {
    const last = own.findLast(({ input, outcome }) => input.kind === 'items' && outcome.kind === 'ok')?.outcome;
    if (last?.kind !== 'ok' || last.value.kind !== 'items') continue;
    const { items } = last.value;
    for (const { input, outcome, process } of own) {
      if (input.kind === 'items') continue;
      const times = items.filter((item) => item === input.item).length;
      const least = outcome.kind === 'ok' ? 1 : 0;
      const most = outcome.kind === 'failed' ? 0 : 1;
      if (times >= least && times <= most) continue;
      const says = `${input.item} is in its last reading ${times} times; ${process} was told: ${outcome.kind}`;
      complaints.push({ check: `${key} has what was acknowledged, once`, says });
    }
  }
  return complaints;
}
