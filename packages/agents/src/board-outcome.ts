// What the transition answered, as each call of a store says it. An answer that the call cannot
// have is a bug of the adapter.
import { InvariantViolation } from '@devmentor/locks';
import type { BoardStore, Contributed, Written } from './board-store.ts';
import type { WriteOutcome } from './board-write.ts';

type Answer<Call extends keyof BoardStore> = Exclude<
  Awaited<ReturnType<Extract<BoardStore[Call], (...given: never[]) => unknown>>>,
  { readonly kind: 'missing' }
>;
type Done = Extract<WriteOutcome, { readonly kind: 'written' }>;

const written = ({ rev }: Done): Written => ({ kind: 'written', rev });
const contributed = ({ rev, contributions }: Done): Contributed => ({ kind: 'contributed', rev, contributions });

export function asContributed(outcome: WriteOutcome): Answer<'contribute'> {
  switch (outcome.kind) {
    case 'written':
      return contributed(outcome);
    case 'closed':
      return { kind: 'closed', status: outcome.status };
    case 'unknown-support':
      return { kind: 'unknown-support', id: outcome.id };
    case 'over-budget':
      return { kind: 'over-budget' };
    default:
      return misfit(outcome);
  }
}

export function asSteered(outcome: WriteOutcome): Answer<'steer'> {
  switch (outcome.kind) {
    case 'written':
      return written(outcome);
    case 'closed':
    case 'refused':
      return { kind: 'refused', status: outcome.status };
    default:
      return misfit(outcome);
  }
}

export function asRecorded(outcome: WriteOutcome): Answer<'record'> {
  switch (outcome.kind) {
    case 'written':
      return written(outcome);
    case 'closed':
      return { kind: 'closed', status: outcome.status };
    case 'fenced':
    case 'moved':
      return { kind: outcome.kind };
    default:
      return misfit(outcome);
  }
}

export function asStarted(outcome: WriteOutcome): Answer<'start'> {
  switch (outcome.kind) {
    case 'written':
      return written(outcome);
    case 'closed':
      return { kind: 'closed', status: outcome.status };
    case 'already':
    case 'fenced':
    case 'not-reserved':
    case 'paused':
      return { kind: outcome.kind };
    default:
      return misfit(outcome);
  }
}

export function asCommitted(outcome: WriteOutcome): Answer<'commit'> {
  switch (outcome.kind) {
    case 'already':
    case 'fenced':
      return { kind: outcome.kind };
    case 'stale':
      return { kind: 'stale', id: outcome.id };
    default:
      return asContributed(outcome);
  }
}

export function asFailed(outcome: WriteOutcome): Answer<'fail'> {
  switch (outcome.kind) {
    case 'written':
      return written(outcome);
    case 'closed':
      return { kind: 'closed', status: outcome.status };
    case 'already':
    case 'fenced':
      return { kind: outcome.kind };
    default:
      return misfit(outcome);
  }
}

function misfit(outcome: WriteOutcome): never {
  throw new InvariantViolation(`a write of a board cannot end in ${outcome.kind}`);
}
