// The slow way: every order is tried. For histories of a handful of operations.
import type { LeaseInput, LeaseOutput, Operation, SequentialModel } from '@devmentor/runtime/simulation';

/** Every order of the answered operations and some of the unknown ones that respects real time. */
export function* everyOrder<In, Out>(
  operations: readonly Operation<In, Out>[],
): Generator<readonly Operation<In, Out>[]> {
  const known = operations.filter(({ outcome }) => outcome.kind === 'ok');
  const unknown = operations.filter(({ outcome }) => outcome.kind === 'unknown');
  for (let chosen = 0; chosen < 1 << unknown.length; chosen++)
    yield* orders([...known, ...unknown.filter((_, index) => (chosen >> index) & 1)], []);
}

function* orders<In, Out>(
  left: readonly Operation<In, Out>[],
  placed: readonly Operation<In, Out>[],
): Generator<readonly Operation<In, Out>[]> {
  if (left.length === 0) yield placed;
  for (const operation of left) {
    const isNext = left.every((other) => other === operation || !isBefore(other, operation));
    if (isNext)
      yield* orders(
        left.filter((other) => other !== operation),
        [...placed, operation],
      );
  }
}

function isBefore(a: Operation, b: Operation): boolean {
  return a.outcome.kind === 'ok' && (a.order.returned ?? Infinity) < b.order.invoked;
}

export function explainedByAnyOrder<State, In, Out>(
  model: SequentialModel<State, In, Out>,
  operations: readonly Operation<In, Out>[],
): boolean {
  for (const order of everyOrder(operations)) {
    let states: readonly State[] = [model.initial('k')];
    for (const operation of order) states = states.flatMap((state) => model.step(state, operation));
    if (states.length > 0) return true;
  }
  return false;
}

interface Moment {
  readonly atMs: number;
  readonly top: string;
  readonly held:
    | { readonly by: string; readonly fence: string | undefined; readonly untilMs: number; readonly loose: boolean }
    | undefined;
}

/** Leases by every order and every whole millisecond, without bounds, closures or ranks. */
export function explainedByAnyMoment(
  operations: readonly Operation<LeaseInput, LeaseOutput>[],
  unseen: boolean,
  endMs: number,
): boolean {
  const tried = (order: readonly Operation<LeaseInput, LeaseOutput>[], index: number, moment: Moment): boolean => {
    const operation = order[index];
    if (operation === undefined) return true;
    const last = operation.outcome.kind === 'ok' ? (operation.returnedMs ?? endMs) : endMs;
    for (let atMs = Math.max(moment.atMs, operation.invokedMs); atMs <= last; atMs++)
      if (effects({ ...moment, atMs }, operation, unseen).some((next) => tried(order, index + 1, next))) return true;
    return false;
  };
  for (const order of everyOrder(operations))
    if (tried(order, 0, { atMs: -1_000, top: '', held: undefined })) return true;
  return false;
}

function effects(
  moment: Moment,
  { input, outcome }: Operation<LeaseInput, LeaseOutput>,
  unseen: boolean,
): readonly Moment[] {
  const { atMs, top, held } = moment;
  const told = outcome.kind === 'ok' ? outcome.value : undefined;
  const stands = held !== undefined && (unseen || atMs <= held.untilMs + 1);
  const isOver = held === undefined || held.loose || atMs >= held.untilMs - 1;
  const isIt = (fence: string): boolean =>
    held !== undefined && (held.fence === fence || (held.fence === undefined && fence > top));
  const known = (fence: string): Moment =>
    held === undefined || held.fence !== undefined ? moment : { ...moment, top: fence, held: { ...held, fence } };
  const free: Moment = { ...moment, held: undefined };
  const ended = (fence: string): readonly Moment[] => {
    if (!isIt(fence)) return [moment];
    return [...(held?.fence === undefined ? [moment] : []), ...(isOver ? [free] : [])];
  };
  switch (input.kind) {
    case 'claim':
    case 'takeover': {
      if (told?.kind === 'refused') {
        if (input.kind === 'takeover')
          return held === undefined ? [moment] : [moment, { ...moment, held: { ...held, loose: true } }];
        return unseen || stands ? [moment] : [];
      }
      const fence = told?.kind === 'granted' ? told.fence : undefined;
      const next: Moment[] = [];
      if (fence !== undefined && held?.by === input.by && isIt(fence) && stands) next.push(known(fence));
      if ((fence === undefined || fence > top) && (isOver || input.kind === 'takeover')) {
        const given = { by: input.by, fence, untilMs: atMs + input.ttlMs, loose: fence === undefined };
        next.push({ atMs, top: fence ?? top, held: given });
      }
      return next;
    }
    case 'renew': {
      if (told?.kind === 'ended') return ended(input.fence);
      if (!isIt(input.fence) || !stands) return [];
      const next = known(input.fence);
      return next.held === undefined ? [] : [{ ...next, held: { ...next.held, untilMs: atMs + input.ttlMs } }];
    }
    case 'release': {
      const fence = input.fence ?? '';
      if (told?.kind === 'ended') return ended(fence);
      return isIt(fence) && stands ? [{ ...known(fence), held: undefined }] : [];
    }
    case 'look': {
      if (told?.kind !== 'held') return isOver ? [free] : [];
      const next: Moment[] = [];
      if (isIt(told.fence) && stands && (told.by === undefined || told.by === held?.by)) next.push(known(told.fence));
      if (unseen && told.fence > top && isOver)
        next.push({
          atMs,
          top: told.fence,
          held: { by: told.by ?? 'somebody', fence: told.fence, untilMs: -Infinity, loose: true },
        });
      return next;
    }
    default:
      return held !== undefined && isIt(input.fence) ? [{ ...moment, held: { ...held, loose: true } }] : [moment];
  }
}
