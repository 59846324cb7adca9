// Order by fence
//
// Fences say in which order grants happened, so a history of leases need not be searched: it is sorted
// by fence, and each answer is held against its neighbours. Linear but for the sorting, for histories of
// any length, and every fault is told, not the first only. What it calls wrong is wrong. It looks at two
// grants at a time and so sees less than the search; but where a lease was seen while it was being claimed
// the search also allows for a grant that nobody was told of, and this does not.
//
//   F1  A fence is granted to one party.
//   F2  Nothing under a greater fence ended before something under a lesser one began.
//   F3  Nothing stands under a fence after it was released.
//   F4  Between two grants the first ended: released, lost, taken over, or its term can have passed.

import { describeLease, fenceSeen, type LeaseOperation, short } from './lease-operation.ts';
import { byKey } from './linearizable.ts';
import { msText } from './ms-text.ts';

/** Two answers that cannot both be right, or one that cannot be. */
export interface Disorder {
  readonly key: string;
  readonly rule: 'F1' | 'F2' | 'F3' | 'F4';
  readonly message: string;
  readonly operations: readonly LeaseOperation[];
}

export interface FenceOrderOptions {
  /** How far the clocks of clients and store may be apart; default 0. */
  readonly slackMs?: number;
}

/** A term counts whole milliseconds, at both its ends. */
const GRAIN_MS = 1;

/** One fence of one resource: who was granted it, what was seen under it, what may have ended it. */
interface Reign {
  readonly fence: string;
  readonly grants: LeaseOperation[];
  readonly seen: LeaseOperation[];
  /** Renewals of which nobody heard. */
  readonly unheard: LeaseOperation[];
  readonly ends: LeaseOperation[];
}

interface Resource {
  readonly reigns: Map<string, Reign>;
  /** What may have ended a lease of any fence. */
  readonly anyEnds: LeaseOperation[];
  /** Who may have been granted a lease without being told. */
  readonly untold: { readonly party: string | undefined; readonly operation: LeaseOperation }[];
}

/** Every disorder among the operations on leases; none of a history without fault. */
export function fenceDisorders(
  operations: readonly LeaseOperation[],
  options: FenceOrderOptions = {},
): readonly Disorder[] {
  const found: Disorder[] = [];
  for (const ofKey of byKey(operations).values()) {
    const resource: Resource = { reigns: new Map(), anyEnds: [], untold: [] };
    for (const operation of ofKey) if (operation.outcome.kind !== 'failed') file(operation, resource);
    const reigns = [...resource.reigns.values()].sort((a, b) => (a.fence < b.fence ? -1 : 1));
    let before: LeaseOperation | undefined;
    for (const [index, reign] of reigns.entries()) {
      found.push(...strangers(reign), ...reversals(reign, before), ...revivals(reign));
      found.push(...overlaps(reign, reigns[index + 1], resource, options.slackMs ?? 0));
      before = least(
        [...(before === undefined ? [] : [before]), ...reign.grants, ...reign.seen],
        ({ order }) => -order.invoked,
      );
    }
  }
  return found;
}

/** Puts an operation with the fence it speaks of. */
function file(operation: LeaseOperation, { reigns, anyEnds, untold }: Resource): void {
  const reign = (fence: string): Reign => {
    let known = reigns.get(fence);
    if (known === undefined) {
      known = { fence, grants: [], seen: [], unheard: [], ends: [] };
      reigns.set(fence, known);
    }
    return known;
  };
  const { input, outcome } = operation;
  const told = outcome.kind === 'ok' ? outcome.value.kind : undefined;
  const fence = fenceSeen(operation);
  if (fence !== undefined) reign(fence)[told === 'granted' ? 'grants' : 'seen'].push(operation);
  if (told === undefined && input.kind !== 'renew') untold.push({ party: party(operation), operation });
  switch (input.kind) {
    case 'renew':
      if (told === undefined) reign(input.fence).unheard.push(operation);
      return;
    case 'hand-off':
    case 'lost':
      if (told !== 'ended') reign(input.fence).ends.push(operation);
      return;
    case 'release':
      if (told === 'ended') return;
      if (input.fence === undefined) anyEnds.push(operation);
      else reign(input.fence).ends.push(operation);
      return;
    case 'takeover':
      anyEnds.push(operation);
  }
}

/** F1 */
function strangers({ fence, grants }: Reign): Disorder[] {
  const [grant] = grants;
  const stranger = grants.find((other) => grant !== undefined && party(other) !== party(grant));
  if (grant === undefined || stranger === undefined) return [];
  return [disorder('F1', `${short(fence)} was granted to two`, [grant, stranger])];
}

/** F2: `before` is what began last under any lesser fence. */
function reversals({ grants, seen }: Reign, before: LeaseOperation | undefined): Disorder[] {
  const first = least([...grants, ...seen], ended);
  if (first === undefined || before === undefined || ended(first) > before.order.invoked) return [];
  return [disorder('F2', 'a lesser fence came after a greater', [first, before])];
}

/** F3 */
function revivals({ fence, grants, seen, ends }: Reign): Disorder[] {
  const release = least(
    ends.filter(({ input, outcome }) => input.kind === 'release' && outcome.kind === 'ok'),
    ended,
  );
  if (release === undefined) return [];
  return [...grants, ...seen]
    .filter((operation) => operation !== release && operation.order.invoked > ended(release))
    .map((operation) => disorder('F3', `${short(fence)} stood after it was released`, [release, operation]));
}

/** F4 */
function overlaps(reign: Reign, next: Reign | undefined, resource: Resource, slackMs: number): Disorder[] {
  const { fence, grants, seen, ends } = reign;
  const granted = least(grants, ({ order }) => order.invoked);
  const heir = least(next?.grants ?? [], ended);
  if (granted === undefined || heir === undefined || ended(heir) < granted.order.invoked) return [];
  if (heir.input.kind !== 'claim' || granted.input.kind === 'hand-off') return [];
  // Granted before this grant was heard of: by a request that nobody was told about, or unseen.
  const isOlder =
    seen.some((operation) => ended(operation) < granted.order.invoked) ||
    resource.untold.some((of) => of.party === party(granted) && of.operation.order.invoked < ended(granted));
  if (isOlder) return [];
  const isEnded =
    ends.some(({ order }) => order.invoked < ended(heir)) ||
    resource.anyEnds.some(
      (end) => end.order.invoked < ended(heir) && (end.outcome.kind !== 'ok' || ended(end) > granted.order.invoked),
    );
  const keptMs = keptUntil(reign);
  if (isEnded || keptMs <= (heir.returnedMs ?? Number.POSITIVE_INFINITY) + GRAIN_MS + 2 * slackMs) return [];
  const message = `${short(fence)} cannot have lapsed before ${msText(keptMs)} ms, and another was granted`;
  return [disorder('F4', message, [granted, heir])];
}

/** The earliest moment at which a term can have passed that was granted and renewed so. */
function keptUntil({ grants, seen, unheard }: Reign): number {
  const fromMs = Math.min(...grants.map(({ invokedMs }) => invokedMs));
  const ttlMs = Math.min(...grants.map(({ input }) => ('ttlMs' in input ? input.ttlMs : 0)));
  const renewals = seen.filter(({ input }) => input.kind === 'renew');
  // The renewal that began last was the last one, or one that had not ended by then was.
  const latest = least(renewals, ({ order }) => -order.invoked);
  const sinceMs = Math.max(fromMs, latest?.invokedMs ?? fromMs);
  const rivals = latest === undefined ? [] : renewals.filter((other) => ended(other) > latest.order.invoked);
  const terms = [...rivals, ...unheard].map(({ input }) => (input.kind === 'renew' ? input.ttlMs : 0));
  return sinceMs + Math.min(...(latest === undefined ? [ttlMs] : []), ...terms);
}

/** Who is granted a lease by this, if anybody. */
function party({ input }: LeaseOperation): string | undefined {
  if (input.kind === 'hand-off') return input.to;
  return input.kind === 'claim' || input.kind === 'takeover' ? input.by : undefined;
}

function disorder(rule: Disorder['rule'], message: string, operations: readonly LeaseOperation[]): Disorder {
  const key = operations[0]?.key ?? '';
  const told = operations.map((operation) => `(${operation.id}) ${operation.process}: ${describeLease(operation)}`);
  return { key, rule, message: `${key}: ${message}: ${told.join('; ')}`, operations };
}

function ended({ order }: LeaseOperation): number {
  return order.returned ?? Number.POSITIVE_INFINITY;
}

function least(
  operations: readonly LeaseOperation[],
  of: (operation: LeaseOperation) => number,
): LeaseOperation | undefined {
  let found: LeaseOperation | undefined;
  let value = Number.POSITIVE_INFINITY;
  for (const operation of operations) {
    const mine = of(operation);
    if (mine >= value) continue;
    value = mine;
    found = operation;
  }
  return found;
}
