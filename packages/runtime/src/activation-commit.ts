// Activation, the commit
//
// Pure: the commit that a stepped group asks of the store, and what its outcome means for the
// letters of the group. The activation does what is decided here.
import { InvariantViolation } from '@devmentor/locks';
import type { ActorId } from './actor-id.ts';
import { type ActorState, storedForm, storedTimers } from './actor-state.ts';
import type { Answer } from './envelope.ts';
import { ActorError, type FaultData } from './errors.ts';
import { answerOf, type GroupStep, type Stepper, type StoredReply } from './group-step.ts';
import type { KnownOutcome } from './known-outcome.ts';
import type { TopicEvent } from './log-store.ts';
import type { Letter, Ordered, Told } from './mailbox.ts';
import type { Commit, SenderId } from './state-store.ts';

/** What the store says of a commit that it has made. */
export interface Committed {
  readonly version: number;
  readonly events: readonly TopicEvent[];
  /** Senders that are to close their lanes. */
  readonly crowded?: readonly SenderId[];
}

export type Decision =
  /** The activation ended meanwhile. */
  | { readonly kind: 'nothing' }
  | ({ readonly kind: 'committed' } & Committed)
  /** Another node owns the shard; the letters that surely did nothing may go back. */
  | { readonly kind: 'fenced'; readonly mayGoBack: boolean }
  /** These letters have an answer of their own; the others are stepped again without them. */
  | { readonly kind: 'without'; readonly answers: ReadonlyMap<Told | Ordered, Answer> }
  /** One of them made a state that cannot be stored: they are stepped again one by one. */
  | { readonly kind: 'singly' }
  /** This one made it, and is given up: stepped again with the fault, so that a repeat is known. */
  | { readonly kind: 'spoilt'; readonly letter: Exclude<Letter, { kind: 'wake' }>; readonly fault: FaultData }
  | { readonly kind: 'quarantine'; readonly cause: unknown };

/** Throws when the state cannot be stored. */
export function commitOf(
  { id, driver, behavior }: Stepper,
  state: ActorState,
  group: GroupStep,
  facts: { readonly commitId: string; readonly storeMs: number; readonly paid: Commit['outbox']['remove'] },
): Commit {
  const [first] = group.letters;
  const fence = first?.kind === 'told' ? first.fence : undefined;
  const next = group.changes ? group.next : state;
  return {
    id,
    commitId: facts.commitId,
    basis: state.version,
    machineVersion: behavior.version,
    snapshot: storedForm(driver, next, facts.storeMs),
    timers: storedTimers(next, facts.storeMs),
    outbox: { add: group.outbox, remove: [...facts.paid, ...group.bounced.map(({ to, n }) => ({ to, n }))] },
    settles: group.settles,
    events: group.events,
    ...(group.closes.length === 0 ? {} : { closes: group.closes }),
    isJson: true,
    ...(fence === undefined ? {} : { fence }),
  };
}

export function decided(id: ActorId, state: ActorState, group: GroupStep, outcome: KnownOutcome): Decision {
  switch (outcome.kind) {
    case 'abandoned':
      return { kind: 'nothing' };
    case 'committed':
      return outcome;
    case 'fenced':
      return { kind: 'fenced', mayGoBack: outcome.applied === 'no' };
    case 'duplicate':
      return without(id, group, ({ from }) => {
        const before = outcome.settled.find(({ sender, n }) => sender === from?.sender && n === from.n);
        if (before === undefined) return undefined;
        const answer = answerOf(before.reply as object as StoredReply | undefined, state.version);
        return before.crowded === true ? { ...answer, crowded: true } : answer;
      });
    case 'closed':
      return without(id, group, ({ from }) =>
        from?.sender === outcome.sender && from.n < outcome.floor
          ? { kind: 'closed', floor: outcome.floor }
          : undefined,
      );
    case 'overloaded':
      return without(id, group, ({ from }) =>
        from?.sender === outcome.sender
          ? refusal('MAILBOX_FULL', `${outcome.sender} has too many unsettled messages to ${id}`, 'no')
          : undefined,
      );
    case 'stale': {
      const message = `A newer claim guards ${id}`;
      const fault: FaultData = { code: 'STALE_FENCE', message, applied: 'no', guard: outcome.guard };
      return without(id, group, () => ({ kind: 'fault', fault }));
    }
    case 'refused': {
      const { code, message } = outcome.fault;
      if (code === 'TOO_LARGE' || code === 'NOT_JSON')
        return unstorable(id, group, { code, message: `${id}: ${message}`, applied: 'no' });
      return { kind: 'quarantine', cause: outcome.fault };
    }
    case 'conflict': {
      const { version, commitId } = outcome;
      const message = `${id} is at version ${version} by commit ${commitId}, under the epoch of this node, which knows version ${state.version}`;
      return { kind: 'quarantine', cause: new InvariantViolation(message) };
    }
  }
}

/** What a letter's sender is told of a step, now that it is known which version came of it. */
export function answerIn(
  { version, crowded }: Pick<Committed, 'version' | 'crowded'>,
  { from }: Told | Ordered,
  answer: Answer,
): Answer {
  const isCrowded = crowded !== undefined && from !== undefined && crowded.includes(from.sender);
  if (answer.kind === 'committed') return isCrowded ? { ...answer, version, crowded: true } : { ...answer, version };
  return isCrowded && answer.kind === 'fault' ? { ...answer, crowded: true } : answer;
}

/**
 * The group could not be stored: the letter it is for is found by stepping them singly. A message
 * is given up by a refusal: if it is a repeat, the store then says whether it was committed before.
 */
export function unstorable(id: ActorId, group: GroupStep, fault: FaultData): Decision {
  const [only, second] = group.letters;
  if (second !== undefined) return { kind: 'singly' };
  if (only !== undefined && only.kind !== 'wake' && only.unstorable === undefined)
    return { kind: 'spoilt', letter: only, fault };
  if (only?.kind === 'told')
    return without(id, group, () => ({
      kind: 'fault',
      fault: { ...fault, applied: only.again ? 'unknown' : 'no' },
    }));
  // Its state is not the work of any letter.
  return { kind: 'quarantine', cause: new ActorError(fault.code, fault.message, { applied: 'no', actor: id }) };
}

export function refusal(code: 'MAILBOX_FULL', message: string, applied: 'no' | 'unknown', retryAfterMs = 100): Answer {
  return { kind: 'fault', fault: { code, message, applied, retryAfterMs } };
}

function without(id: ActorId, group: GroupStep, answerTo: (letter: Told | Ordered) => Answer | undefined): Decision {
  const answers = new Map<Told | Ordered, Answer>();
  for (const letter of group.letters) {
    const answer = 'from' in letter ? answerTo(letter) : undefined;
    if ('from' in letter && answer !== undefined) answers.set(letter, answer);
  }
  if (answers.size > 0) return { kind: 'without', answers };
  const message = `${id} was refused a commit for a message that is not in it`;
  return { kind: 'quarantine', cause: new InvariantViolation(message) };
}
