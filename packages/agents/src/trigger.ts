// Trigger: does this change wake that source, and for what? Pure.

import type { Board } from './board.ts';
import { refText } from './board-codec.ts';
import { nameOf } from './canonical.ts';
import type { Activation, Contribution, Subject } from './entry.ts';
import { authorOf, type IKnowledgeSource, limitsOf, type Trigger } from './knowledge-source.ts';

/** What one activation of a source is about: an entry, a file, the whole board, or a rest. */
export interface Topic {
  readonly name: string;
  readonly subject: Subject;
}

/** An activation that may come to be. */
export interface Candidate {
  readonly source: IKnowledgeSource;
  readonly topic: Topic;
  readonly inputs: readonly Contribution[];
  readonly key: string;
  readonly triggeredBy: number;
}

export function matches(trigger: Trigger, { level, kind }: Pick<Contribution, 'level' | 'kind'>): boolean {
  return trigger.on === 'entry' && isAmong(trigger.level, level) && isAmong(trigger.kind, kind);
}

function isAmong(wanted: string | readonly string[] | undefined, value: string): boolean {
  return wanted === undefined || (typeof wanted === 'string' ? wanted === value : wanted.includes(value));
}

/** What a contribution makes the source look at; nothing when it does not wake it. */
export function topicOf({ trigger }: IKnowledgeSource, contribution: Contribution): Topic | undefined {
  if (trigger.on !== 'entry' || !matches(trigger, contribution)) return undefined;
  if (trigger.each === 'board') return { name: 'board', subject: {} };
  if (trigger.each === 'entry') return { name: `entry ${contribution.id}`, subject: contribution.subject };
  const { file } = contribution.subject;
  return file === undefined ? undefined : { name: `file ${file}`, subject: { file } };
}

/** The topic of the board's latest rest. */
export function restOf(board: Board): Topic {
  return { name: `rest ${board.quiescences}`, subject: {} };
}

/** The activation that this topic asks for as the board is now; none when nothing matches any more. */
export function candidateOf(source: IKnowledgeSource, topic: Topic, board: Board): Candidate | undefined {
  const inputs = source.trigger.on === 'quiescence' ? [] : inputsOf(source, topic, board);
  if (source.trigger.on === 'entry' && inputs.length === 0) return undefined;
  const key = nameOf({ source: authorOf(source), topic: topic.name, inputs: inputs.map(refText).sort() });
  const triggeredBy = inputs.reduce((latest, { id }) => Math.max(latest, board.standingOf(id)?.rev ?? 0), 0);
  return { source, topic, inputs, key, triggeredBy: triggeredBy === 0 ? board.rev : triggeredBy };
}

function inputsOf(source: IKnowledgeSource, topic: Topic, board: Board): readonly Contribution[] {
  if (topic.name.startsWith('entry ')) {
    const one = board.current(topic.name.slice('entry '.length));
    return one !== undefined && matches(source.trigger, one) ? [one] : [];
  }
  const inputs: Contribution[] = [];
  for (const { contribution } of board.standing()) {
    if (topicOf(source, contribution)?.name === topic.name) inputs.push(contribution);
  }
  return inputs;
}

export function activationOf({ source, topic, inputs, key, triggeredBy }: Candidate, rating: number): Activation {
  const { attempts, backoffMs, timeoutMs } = limitsOf(source);
  const refs = inputs.map(({ id, version }) => ({ id, version }));
  return {
    key,
    source: authorOf(source),
    subject: topic.subject,
    inputs: refs,
    rating,
    triggeredBy,
    attempts,
    backoffMs,
    timeoutMs,
  };
}
