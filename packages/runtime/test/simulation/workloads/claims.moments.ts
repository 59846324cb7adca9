// What claims go through when it matters, read off a history. An exploration in which one of these never happens
// tests less than it seems to.
import { type History, isLeaseOperation, type LeaseOperation } from '@devmentor/runtime/simulation';

/** How long somebody who is asked for a document has to answer. Nobody does. */
export const GRACE_MS = 300;
/** An offer stands for that long; messages take a few milliseconds. */
const OFFERED_MS = 1_900;
/** Longer than a claim of what is free takes. */
const WAITED_MS = 100;

export const MOMENTS = [
  'expired while others waited',
  'taken over, since nobody answered',
  'asked again after a lost answer, and found',
  'crashed while holding',
  'crashed while waiting',
  'an offer was passed on',
  'a stale write was turned away',
] as const;

interface Grant {
  readonly operation: LeaseOperation;
  readonly fence: string;
  readonly atMs: number;
  /** When it was given back, and that was heard. */
  readonly releasedMs: number | undefined;
}

export function momentsOf(history: History): readonly (typeof MOMENTS)[number][] {
  const leases = history.operations().filter(isLeaseOperation);
  const grants = leases.flatMap((operation) => grantOf(operation, leases));
  const waiting = leases.filter(({ input }) => input.kind === 'claim' && input.waits === true);
  /** Of the same document, the one before. */
  const before = ({ operation: { key }, fence }: Grant): Grant | undefined =>
    grants
      .filter((other) => other.operation.key === key && other.fence < fence)
      .reduce<Grant | undefined>((last, one) => (last === undefined || one.fence > last.fence ? one : last), undefined);
  const waited = (grant: Grant): boolean => waiting.includes(grant.operation);
  const crashed = (operation: LeaseOperation): boolean => isCutOff(operation, leases);
  const is: { readonly [moment in (typeof MOMENTS)[number]]: () => boolean } = {
    'expired while others waited': () =>
      grants.some((grant) => {
        const last = before(grant);
        return (
          waited(grant) && last !== undefined && last.releasedMs === undefined && grant.operation.invokedMs < last.atMs
        );
      }),
    'taken over, since nobody answered': () =>
      grants.some(
        ({ operation: { input, invokedMs }, atMs }) => input.kind === 'takeover' && atMs - invokedMs >= GRACE_MS,
      ),
    'asked again after a lost answer, and found': () =>
      grants.some(({ operation }) =>
        leases.some(
          ({ process, input, outcome, order }) =>
            process === operation.process &&
            input.kind === operation.input.kind &&
            outcome.kind === 'unknown' &&
            order.invoked < operation.order.invoked,
        ),
      ),
    'crashed while holding': () => grants.some(({ fence }) => !leases.some((other) => endOf(other) === fence)),
    'crashed while waiting': () => waiting.some(crashed),
    'an offer was passed on': () =>
      grants.some((grant) => {
        const free = before(grant)?.releasedMs;
        const { key, invokedMs } = grant.operation;
        if (free === undefined || !waited(grant) || grant.atMs < Math.max(free, invokedMs) + WAITED_MS) return false;
        if (grant.atMs < free + OFFERED_MS) return false;
        return waiting.some((other) => other.key === key && other.invokedMs < free && crashed(other));
      }),
    'a stale write was turned away': () =>
      history.sightings().some((sighting) => sighting.kind === 'guarded-write' && !sighting.admitted),
  };
  return MOMENTS.filter((moment) => is[moment]());
}

function grantOf(operation: LeaseOperation, leases: readonly LeaseOperation[]): readonly Grant[] {
  const { outcome, returnedMs: atMs } = operation;
  if (outcome.kind !== 'ok' || outcome.value.kind !== 'granted' || atMs === undefined) return [];
  const { fence } = outcome.value;
  const release = leases.find(
    ({ input, outcome: ended }) =>
      input.kind === 'release' && input.fence === fence && ended.kind === 'ok' && ended.value.kind === 'released',
  );
  return [{ operation, fence, atMs, releasedMs: release?.returnedMs }];
}

/** The fence of the lease that nobody counts on from here on. */
function endOf({ input }: LeaseOperation): string | undefined {
  return input.kind === 'release' || input.kind === 'lost' ? input.fence : undefined;
}

/** Its node was down when it would have asked again. */
function isCutOff({ process, order, outcome }: LeaseOperation, leases: readonly LeaseOperation[]): boolean {
  const again = leases.find((other) => other.process === process && other.order.invoked > order.invoked);
  return outcome.kind === 'unknown' && again?.outcome.kind === 'failed';
}
