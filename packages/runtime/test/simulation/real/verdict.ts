// Judges what the outside wrote down, with the checks that simulated worlds are judged by: the
// history of every object by the search for an order, the resources' own logs by their fences, and
// the last readings by what was acknowledged.
import {
  exclusiveByFence,
  type History,
  leasesInFenceOrder,
  linearizableBy,
  linearizableLeases,
  linearizableLogs,
  noAcknowledgedLoss,
  type Objection,
  type Run,
  type RunCheck,
  recordedRun,
  risingFences,
} from '../../../src/simulation/index.ts';
import type { Key } from './client.ts';
import { fencedRegisterModel, isFencedOperation } from './fenced-register.ts';

export const OBJECT_KINDS = ['lease', 'register', 'set', 'actor'] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

export interface Judgement {
  readonly objections: readonly Objection[];
  /** Objects whose histories were found linearizable, by the kind of object. */
  readonly linearizable: Readonly<Record<ObjectKind, number>>;
}

/**
 * The outside and Redis read different clocks of one machine, and a holder that lost its lease gives
 * it back up to a hundredth of the term before its end.
 */
const SLACK_MS = 30;

const orderChecks: readonly RunCheck[] = [
  linearizableLeases({ slackMs: SLACK_MS }),
  linearizableBy(fencedRegisterModel, isFencedOperation),
  linearizableLogs(),
];
const otherChecks: readonly RunCheck[] = [
  leasesInFenceOrder({ slackMs: SLACK_MS }),
  risingFences(),
  exclusiveByFence(),
];
const loss = noAcknowledgedLoss({ kept });

export function kindOfKey(key: string): ObjectKind {
  return (key as Key).slice(0, key.indexOf('/')) as ObjectKind;
}

export async function judge(history: History): Promise<Judgement> {
  const run = recordedRun(history.toJSON());
  const orderless = orderChecks.flatMap((check) => check.inspect(run));
  const wrong = new Set(orderless.map(({ key }) => key));
  const linearizable: Record<ObjectKind, number> = { lease: 0, register: 0, set: 0, actor: 0 };
  for (const key of new Set(run.history.operations().map((operation) => operation.key)))
    if (!wrong.has(key)) linearizable[kindOfKey(key)]++;
  return {
    objections: [...orderless, ...otherChecks.flatMap((check) => check.inspect(run)), ...(await loss.inspect(run))],
    linearizable,
  };
}

/** What each list had at its last reading. */
function kept({ history }: Run): ReadonlyMap<string, readonly string[]> {
  const lists = new Map<string, readonly string[]>();
  for (const { key, outcome } of history.operations())
    if (outcome.kind === 'ok' && isItems(outcome.value)) lists.set(key, outcome.value.items);
  return lists;
}

function isItems(value: unknown): value is { readonly items: readonly string[] } {
  return typeof value === 'object' && value !== null && 'items' in value;
}
