// Control cycle: one step of a board's controller. Pure: the board and its agenda in, what to
// write or wait for out.
//
//   CC1  Nothing runs that was not reserved, and nothing is reserved beyond budget and concurrency.
//   CC2  A failed activation waits twice as long each time; after its attempts it is dead. Its
//        siblings do not notice.
//   CC3  An activation whose inputs were superseded before it ran is obviated, not run.
//   CC4  A board comes to its Solution only when nothing is left to do (quiescence), or when its
//        budget or its time is over.
import type { Agenda } from './agenda.ts';
import type { ActivationState, Board } from './board.ts';
import { isOpen } from './board-status.ts';
import { type ControlEntry, endsBoard } from './board-store.ts';
import { lowMarks, reserve } from './budget.ts';
import { byFocus, ratingOf } from './focus.ts';
import type { IKnowledgeSource } from './knowledge-source.ts';
import { authorOf, limitsOf } from './knowledge-source.ts';
import { quiescenceOf } from './quiescence.ts';
import type { Reason } from './solution.ts';
import { restReason, synthesize } from './synthesis.ts';
import { activationOf, type Candidate } from './trigger.ts';

export type Step =
  /** Write these, then look again. `seen`: only if the board is still as it was. */
  | {
      readonly kind: 'record';
      readonly entries: readonly ControlEntry[];
      readonly seen?: number;
      readonly taken: readonly Candidate[];
    }
  /** Nothing to write; look again when the board changes, at the latest at this time. */
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'over' };

/** Scheduled in one write at most. */
const BATCH = 256;
/** Runs of one activation whose worker vanished, after which it is taken for the cause. */
const MOST_LOSSES = 10;
const NEVER = Number.MAX_SAFE_INTEGER;

/** @param nowMs by the store's clock */
export function nextStep(
  board: Board,
  agenda: Agenda,
  sources: ReadonlyMap<string, IKnowledgeSource>,
  nowMs: number,
): Step {
  if (!isOpen(board.status)) return { kind: 'over' };
  const deadlineMs = board.settings.deadlineMs === undefined ? NEVER : board.createdAtMs + board.settings.deadlineMs;
  if (nowMs >= deadlineMs) return close(board, 'deadline');
  if (board.status === 'paused') return { kind: 'wait', untilMs: deadlineMs };
  if (board.status === 'initializing')
    return record([{ kind: 'status', status: 'running', final: false, why: 'a controller has taken it' }], board.rev);

  const taken = agenda.take(board, BATCH);
  const scheduled = taken.map(
    (candidate): ControlEntry => ({
      kind: 'scheduled',
      activation: activationOf(candidate, ratingOf(candidate, board)),
    }),
  );
  const settled = [...board.active()].flatMap((state) => mootOrDead(state, board, taken));
  const decided = [...scheduled, ...settled, ...lowMarks(board)];
  if (decided.length > 0) return { kind: 'record', entries: decided, taken };

  const ready = readyToRun(board, sources, nowMs);
  const reserved = reserve(board, ready);
  if (reserved.entries.length > 0) return record(reserved.entries);
  if (reserved.exhausted !== undefined && ![...board.active()].some(inFlight))
    return close(board, 'budget', reserved.exhausted);
  const quiescence = quiescenceOf(board);
  // What a source found had no room any more.
  if (quiescence !== 'busy' && board.left.contributions <= 0 && board.counts.failed > 0)
    return close(board, 'budget', 'contributions');
  switch (quiescence) {
    case 'busy':
      return { kind: 'wait', untilMs: Math.min(deadlineMs, nextRetryMs(board, nowMs)) };
    case 'first':
      return record(
        [{ kind: 'status', status: 'quiescent', final: false, why: 'no source has anything to do' }],
        board.rev,
      );
    case 'second':
      return close(board, restReason(board));
  }
}

/** When an activation that failed may be tried again. */
export function retryAtMs({ activation, failures, losses, failedAtMs }: ActivationState): number {
  if (failures === 0) return losses === 0 ? 0 : failedAtMs;
  return failedAtMs + activation.backoffMs * 2 ** (failures - 1);
}

function mootOrDead(state: ActivationState, board: Board, taken: readonly Candidate[]): readonly ControlEntry[] {
  const { activation, place, failures, losses, permanent, message } = state;
  const { key } = activation;
  if (place === 'running') return [];
  if (!activation.inputs.every((input) => board.isCurrent(input)))
    return [{ kind: 'obviated', key, why: 'an input was superseded' }];
  const newer = taken.find(
    (candidate) =>
      authorOf(candidate.source) === activation.source &&
      candidate.topic.name !== `entry ${activation.inputs[0]?.id}` &&
      sameSubject(candidate, state),
  );
  if (newer !== undefined && newer.key !== key) return [{ kind: 'obviated', key, why: `${newer.key} has more inputs` }];
  if (place !== 'waiting') return [];
  if (permanent || failures >= activation.attempts) return [{ kind: 'dead', key, message }];
  return losses >= MOST_LOSSES ? [{ kind: 'dead', key, message: `${losses} workers vanished while running it` }] : [];
}

function sameSubject({ topic, source }: Candidate, { activation }: ActivationState): boolean {
  if (source.trigger.on !== 'entry' || source.trigger.each === 'entry') return false;
  return topic.subject.file === activation.subject.file;
}

function readyToRun(board: Board, sources: ReadonlyMap<string, IKnowledgeSource>, nowMs: number): ActivationState[] {
  const perSource = new Map<string, number>();
  const waiting: ActivationState[] = [];
  let flying = 0;
  for (const state of board.active()) {
    if (inFlight(state)) {
      flying += 1;
      perSource.set(state.activation.source, (perSource.get(state.activation.source) ?? 0) + 1);
    } else if (state.place === 'scheduled' || retryAtMs(state) <= nowMs) waiting.push(state);
  }
  return waiting
    .sort(byFocus)
    .filter(({ activation }) => {
      const source = sources.get(activation.source);
      const running = perSource.get(activation.source) ?? 0;
      if (source === undefined || running >= limitsOf(source).concurrency) return false;
      perSource.set(activation.source, running + 1);
      return true;
    })
    .slice(0, Math.max(0, board.settings.concurrency - flying));
}

function inFlight({ place }: ActivationState): boolean {
  return place === 'reserved' || place === 'running';
}

function nextRetryMs(board: Board, nowMs: number): number {
  const waiting = [...board.active()].filter(({ place }) => place === 'waiting').map(retryAtMs);
  return Math.max(nowMs + 1, Math.min(NEVER, ...waiting.filter((atMs) => atMs > nowMs)));
}

function close(board: Board, reason: Reason, exhausted?: 'contributions' | 'activations' | 'timeMs'): Step {
  const solution = synthesize(board, reason);
  const status = reason === 'failed' ? 'failed' : 'solved';
  const marks: ControlEntry[] = exhausted === undefined ? [] : [{ kind: 'budget', what: 'exhausted', of: exhausted }];
  return record(
    [...marks, { kind: 'solution', solution }, { kind: 'status', status, final: endsBoard(reason), why: reason }],
    board.rev,
  );
}

function record(entries: readonly ControlEntry[], seen?: number): Step {
  return { kind: 'record', entries, ...(seen === undefined ? {} : { seen }), taken: [] };
}
