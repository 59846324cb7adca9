// How entries are stored: a contribution's body as its author's text, everything else as the
// JSON of its facts.
import { assert, type FencingToken } from '@devmentor/locks';
import type { Json } from '@devmentor/runtime';
import { STEERING, type Steering } from './board-status.ts';
import type { ControlEntry, Run } from './board-store.ts';
import type { ActivationPlace, BoardWrite, Note, StoredEntry } from './board-write.ts';
import type { Contribution, Entry, EntryBody, FailureClass, Usage, VersionRef } from './entry.ts';
import type { ContributionDraft } from './knowledge.ts';

/** A stored entry as a fresh copy. */
export function readEntry(stored: StoredEntry): Entry {
  const { rev, kind, source, atMs } = stored;
  const body =
    kind === 'contribution'
      ? { kind, contribution: readContribution(stored) }
      : { ...(JSON.parse(stored.text) as EntryBody), kind };
  return { ...(body as EntryBody), rev, atMs, source };
}

function readContribution({ id, version, source, supports, text }: StoredEntry): Contribution {
  const said = JSON.parse(text) as Omit<Contribution, 'id' | 'version' | 'author' | 'supports'>;
  return { ...said, id, version, author: source, supports: readRefs(supports) };
}

export function readRefs(text: string): VersionRef[] {
  if (text === '') return [];
  return text.split(' ').map((ref) => {
    const at = ref.lastIndexOf('@');
    assert(at > 0, 'a stored support is id@version');
    return { id: ref.slice(0, at), version: Number(ref.slice(at + 1)) };
  });
}

export function refText({ id, version }: VersionRef): string {
  return `${id}@${version}`;
}

const controller = 'controller';

/** What a controller's entry asks of the board. */
export function noteOf(entry: ControlEntry): Note {
  const { kind, ...facts } = entry;
  const note = { kind, source: controller, text: JSON.stringify(facts) };
  switch (entry.kind) {
    case 'scheduled':
      return { ...note, key: entry.activation.key, from: ['none'], to: 'scheduled' };
    case 'reserved':
      return { ...note, key: entry.key, from: ['scheduled', 'waiting'], to: 'reserved' };
    case 'obviated':
      return { ...note, key: entry.key, from: ['scheduled', 'waiting', 'reserved'], to: 'obviated' };
    case 'dead':
      return { ...note, key: entry.key, from: ['scheduled', 'waiting'], to: 'dead' };
    case 'status':
      return { ...note, status: entry.status, final: entry.final };
    case 'budget':
    case 'solution':
      return note;
  }
}

export function steerWrite(what: Steering, why: string): BoardWrite {
  const { to, from } = STEERING[what];
  const final = to === 'cancelled';
  return {
    statuses: from,
    notes: [
      { kind: 'status', source: 'steering', text: JSON.stringify({ status: to, final, why }), status: to, final },
    ],
  };
}

export function startWrite({ key, fence, worker }: Run): BoardWrite {
  return {
    run: { key, fence, move: 'start' },
    notes: [runNote('started', worker, { key, fence, worker }, key, 'running')],
  };
}

export function commitWrite(
  { key, fence, worker }: Run,
  result: {
    readonly reads: readonly VersionRef[];
    readonly contributions: readonly ContributionDraft[];
    readonly usage: Usage;
  },
): BoardWrite {
  const { reads, contributions, usage } = result;
  return {
    run: { key, fence, move: 'end' },
    reads,
    contributions,
    notes: [runNote('committed', worker, { key, fence, worker, usage: { ...usage } }, key, 'committed')],
  };
}

export function failWrite(
  { key, fence, worker }: Run,
  how: {
    readonly failure: FailureClass;
    readonly message: string;
    readonly usage: Usage;
    readonly epoch?: FencingToken;
  },
): BoardWrite {
  const { failure, message, usage, epoch } = how;
  const facts = { key, fence, failure, message: message.slice(0, LONGEST_MESSAGE), usage: { ...usage } };
  return {
    ...(epoch === undefined ? {} : { epoch }),
    run: { key, fence, move: 'end' },
    notes: [runNote('failed', worker, facts, key, 'waiting')],
  };
}

export function obviateWrite(
  { key, fence, worker }: Run,
  { why, usage }: { readonly why: string; readonly usage: Usage },
): BoardWrite {
  return {
    run: { key, fence, move: 'end' },
    notes: [runNote('obviated', worker, { key, why, usage: { ...usage } }, key, 'obviated')],
  };
}

const LONGEST_MESSAGE = 2_000;

function runNote(kind: Note['kind'], source: string, facts: Json, key: string, to: ActivationPlace): Note {
  return { kind, source, text: JSON.stringify(facts), key, to };
}
