// Board write
//
// The one transition behind every write of a BoardStore, over cells that an adapter keeps. The
// Redis adapter has it as a script (`board-store.redis-scripts.ts`); the contract suite holds the
// two to the same answers.
import { createHash } from 'node:crypto';
import type { FencingToken } from '@devmentor/locks';
import { type BoardStatus, isOpen } from './board-status.ts';
import type { EntryKind, VersionRef } from './entry.ts';
import type { ContributionDraft } from './knowledge.ts';

export type ActivationPlace = 'scheduled' | 'reserved' | 'running' | 'waiting' | 'committed' | 'dead' | 'obviated';

/** An entry as it is stored. */
export interface StoredEntry {
  readonly rev: number;
  readonly kind: EntryKind;
  readonly source: string;
  readonly text: string;
  readonly atMs: number;
  readonly id: string;
  readonly version: number;
  /** `id@version`, separated by spaces. */
  readonly supports: string;
}

export interface BoardFacts {
  status: BoardStatus;
  ended: boolean;
  rev: number;
  epoch: FencingToken | '';
  contributions: number;
  readonly mostContributions: number;
  updatedAtMs: number;
}

/** One board, as an adapter lets the transition see and change it. */
export interface BoardCells {
  readonly facts: BoardFacts;
  readonly nowMs: number;
  current(id: string): { readonly version: number; readonly signature: string; readonly rev: number } | undefined;
  setCurrent(id: string, current: { readonly version: number; readonly signature: string; readonly rev: number }): void;
  activation(key: string): { readonly place: ActivationPlace; readonly fence: FencingToken | '' } | undefined;
  setActivation(key: string, at: { readonly place: ActivationPlace; readonly fence: FencingToken | '' }): void;
  append(entry: StoredEntry): void;
}

/** An entry that is not a contribution, with what it asks of its activation or of the status. */
export interface Note {
  readonly kind: EntryKind;
  readonly source: string;
  readonly text: string;
  readonly key?: string;
  /** Left out unless the activation is in one of these places; `none`: unknown so far. */
  readonly from?: readonly (ActivationPlace | 'none')[];
  readonly to?: ActivationPlace;
  readonly status?: BoardStatus;
  readonly final?: boolean;
}

export interface BoardWrite {
  readonly epoch?: FencingToken;
  readonly seen?: number;
  /** The write of a run: it starts, or ends in the place that its note names. */
  readonly run?: { readonly key: string; readonly fence: FencingToken; readonly move: 'start' | 'end' };
  readonly reads?: readonly VersionRef[];
  /** The board must be in one of these states. */
  readonly statuses?: readonly BoardStatus[];
  readonly contributions?: readonly ContributionDraft[];
  readonly notes?: readonly Note[];
}

export type WriteOutcome =
  | {
      readonly kind: 'written';
      readonly rev: number;
      readonly contributions: readonly (VersionRef & { readonly rev: number; readonly fresh: boolean })[];
    }
  | { readonly kind: 'closed' | 'refused'; readonly status: BoardStatus }
  | { readonly kind: 'unknown-support' | 'stale'; readonly id: string }
  | { readonly kind: 'already' | 'fenced' | 'not-reserved' | 'paused' | 'moved' | 'over-budget' };

/** Checks, then applies; an outcome other than `written` has changed nothing. */
export function writeBoard(cells: BoardCells, write: BoardWrite): WriteOutcome {
  const { facts } = cells;
  if (write.epoch !== undefined && write.epoch !== facts.epoch) return { kind: 'fenced' };
  if (write.run !== undefined && isRepeatedStart(cells, write.run))
    return { kind: 'written', rev: facts.rev, contributions: [] };
  const refusal = write.run === undefined ? undefined : refuseRun(cells, write.run);
  if (refusal !== undefined) return refusal;
  if (write.statuses !== undefined && !write.statuses.includes(facts.status))
    return { kind: 'refused', status: facts.status };
  if (facts.ended) return { kind: 'closed', status: facts.status };
  // A board at rest may be woken by people; a run or a controller has nothing to do there.
  if (!isOpen(facts.status) && write.run !== undefined) return { kind: 'closed', status: facts.status };
  if (write.run?.move === 'start' && facts.status === 'paused') return { kind: 'paused' };
  const stale = write.reads?.find(({ id, version }) => cells.current(id)?.version !== version);
  if (stale !== undefined) return { kind: 'stale', id: stale.id };
  if (write.seen !== undefined && write.seen !== facts.rev) return { kind: 'moved' };

  const planned = planContributions(cells, write.contributions ?? []);
  if (planned.kind !== 'planned') return planned;

  const rev = (): number => {
    facts.rev += 1;
    facts.updatedAtMs = cells.nowMs;
    return facts.rev;
  };
  const taken = planned.items.map(({ draft, version, signature, supports, fresh }) => {
    if (!fresh) return { id: draft.id, version, rev: cells.current(draft.id)?.rev ?? 0, fresh };
    const at = rev();
    cells.append({
      rev: at,
      kind: 'contribution',
      source: draft.author,
      text: draft.text,
      atMs: cells.nowMs,
      id: draft.id,
      version,
      supports,
    });
    cells.setCurrent(draft.id, { version, signature, rev: at });
    facts.contributions += 1;
    if (facts.status === 'solved') facts.status = 'running';
    return { id: draft.id, version, rev: at, fresh };
  });
  for (const note of write.notes ?? []) {
    if (note.key !== undefined) {
      const known = cells.activation(note.key);
      if (note.from?.includes(known?.place ?? 'none') === false) continue;
      if (note.to !== undefined)
        cells.setActivation(note.key, { place: note.to, fence: write.run?.fence ?? known?.fence ?? '' });
    }
    if (note.status !== undefined) {
      facts.status = note.status;
      facts.ended = note.final ?? false;
    }
    cells.append({
      rev: rev(),
      kind: note.kind,
      source: note.source,
      text: note.text,
      atMs: cells.nowMs,
      id: '',
      version: 0,
      supports: '',
    });
  }
  return { kind: 'written', rev: facts.rev, contributions: taken };
}

/** The same start, said again after its answer was lost. */
function isRepeatedStart(cells: BoardCells, run: NonNullable<BoardWrite['run']>): boolean {
  const known = cells.activation(run.key);
  return run.move === 'start' && known?.place === 'running' && known.fence === run.fence;
}

function refuseRun(cells: BoardCells, run: NonNullable<BoardWrite['run']>): WriteOutcome | undefined {
  const known = cells.activation(run.key);
  const place = known?.place ?? 'none';
  const fence = known?.fence ?? '';
  if (place === 'committed') return { kind: 'already' };
  if (run.move === 'end') {
    if (place === 'running' && run.fence === fence) return undefined;
    // The same end, said again after its answer was lost.
    return run.fence === fence && place !== 'running' ? { kind: 'already' } : { kind: 'fenced' };
  }
  if (place !== 'reserved' && place !== 'running') return { kind: 'not-reserved' };
  return run.fence > fence ? undefined : { kind: 'fenced' };
}

interface Planned {
  readonly draft: ContributionDraft;
  readonly version: number;
  readonly signature: string;
  readonly supports: string;
  readonly fresh: boolean;
}

/** Resolves supports and versions, as the batch stands in the log one after another. */
function planContributions(
  cells: BoardCells,
  drafts: readonly ContributionDraft[],
): { readonly kind: 'planned'; readonly items: readonly Planned[] } | WriteOutcome {
  const ahead = new Map<string, { version: number; signature: string }>();
  const items: Planned[] = [];
  let fresh = 0;
  for (const draft of drafts) {
    const supports: string[] = [];
    for (const support of draft.supports) {
      const version = ahead.get(support.id)?.version ?? cells.current(support.id)?.version ?? 0;
      const named = support.version === 'current' ? version : support.version;
      if (named === 0 || named > version) return { kind: 'unknown-support', id: support.id };
      supports.push(`${support.id}@${named}`);
    }
    const text = supports.join(' ');
    const signature = signatureOf(draft.hash, text);
    const known = ahead.get(draft.id) ?? cells.current(draft.id);
    if (known?.signature === signature) {
      items.push({ draft, version: known.version, signature, supports: text, fresh: false });
      continue;
    }
    const version = (known?.version ?? 0) + 1;
    ahead.set(draft.id, { version, signature });
    items.push({ draft, version, signature, supports: text, fresh: true });
    fresh += 1;
  }
  if (fresh > 0 && cells.facts.contributions + fresh > cells.facts.mostContributions) return { kind: 'over-budget' };
  return { kind: 'planned', items };
}

/** What tells one version of a contribution from the next. SHA-1 is what Redis scripts have. */
function signatureOf(hash: string, supports: string): string {
  return createHash('sha1').update(`${hash} ${supports}`).digest('hex');
}
