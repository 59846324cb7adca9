import type { Project, WireEvent } from '@devmentor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ProjectSnapshot, unread, withEvent } from '../src/project-snapshot.ts';
import { SnapshotStore } from '../src/snapshot-store.ts';

const at = '2026-01-31T09:30:00.000Z';

function projectAt(version: number): Project {
  return {
    id: 'press',
    name: `Press ${version}`,
    description: '',
    status: 'active',
    ownerId: 'ada',
    collaborators: [],
    data: {},
    version,
    createdAt: at,
    updatedAt: at,
  };
}

function fenceOf(n: number): string {
  return String(n).padStart(16, '0');
}

type Fact = { readonly kind: 'updated' | 'claimed' | 'away' | 'back' | 'released' | 'expired'; readonly n: number };

function eventOf({ kind, n }: Fact): WireEvent {
  const envelope = { topic: 'project:press', seq: `${kind}-${n}`, prev: null, at };
  const facts = { projectId: 'press', userId: 'ada', timestamp: 0, version: 1 };
  const holder = { userId: `user-${n}`, displayName: `User ${n}`, instanceId: 'tab' };
  const lease = { resource: 'project:press', holder, fencingToken: fenceOf(n), gen: 1 };
  const term = { expiresAt: at, ttlMs: 30_000 };
  switch (kind) {
    case 'updated':
      return { ...envelope, type: 'project.updated', data: { ...facts, version: n, project: projectAt(n) } };
    case 'claimed':
      return { ...envelope, type: 'project.claimed', data: { ...facts, holder, fencingToken: fenceOf(n), ...term } };
    case 'released':
      return { ...envelope, type: 'project.released', data: { ...facts, fencingToken: fenceOf(n) } };
    case 'away':
      return { ...envelope, type: 'lease.away', data: { ...lease, ...term } };
    case 'back':
      return { ...envelope, type: 'lease.back', data: { ...lease, ...term } };
    case 'expired':
      return { ...envelope, type: 'lease.expired', data: lease };
  }
}

const facts = fc.array(
  fc.record({
    kind: fc.constantFrom('updated', 'claimed', 'away', 'back', 'released', 'expired' as const),
    n: fc.integer({ min: 1, max: 12 }),
  }),
  { maxLength: 60 },
);

function snapshotsOf(history: readonly Fact[]): ProjectSnapshot[] {
  const store = new SnapshotStore<ProjectSnapshot>(unread);
  const seen = [store.get()];
  for (const fact of history) {
    const before = store.get();
    const copy = structuredClone(before);
    store.change((snapshot) => withEvent(snapshot, eventOf(fact)));
    expect(before).toEqual(copy);
    seen.push(store.get());
  }
  return seen;
}

const highest = (history: readonly Fact[], kinds: readonly Fact['kind'][]): number =>
  Math.max(0, ...history.filter(({ kind }) => kinds.includes(kind)).map(({ n }) => n));

describe('ProjectSnapshot, in whatever order and however often the events come', () => {
  it('[S1] the version never goes down, and ends at the highest one told', () => {
    let updates = 0;
    fc.assert(
      fc.property(facts, (history) => {
        const versions = snapshotsOf(history).map(({ project }) => project?.version ?? 0);
        for (let i = 1; i < versions.length; i++) expect(versions[i]).toBeGreaterThanOrEqual(versions[i - 1] ?? 0);
        expect(versions.at(-1)).toBe(highest(history, ['updated']));
        updates += highest(history, ['updated']) > 0 ? 1 : 0;
      }),
    );
    expect(updates).toBeGreaterThan(0);
  });

  it('[S2] the claim shown is the one with the highest fence, or none if that one has ended', () => {
    let [held, ended] = [0, 0];
    fc.assert(
      fc.property(facts, (history) => {
        const last = snapshotsOf(history).at(-1) ?? unread;
        const top = highest(history, ['claimed', 'away', 'back', 'released', 'expired']);
        if (top === 0) {
          expect(last.lease.kind).toBe('unknown');
          return;
        }
        expect(last.fence).toBe(fenceOf(top));
        const isOver = history.some(({ kind, n }) => n === top && (kind === 'released' || kind === 'expired'));
        expect(last.lease.kind).toBe(isOver ? 'free' : 'held');
        if (last.lease.kind === 'held') expect(last.lease.userId).toBe(`user-${top}`);
        if (isOver) ended += 1;
        else held += 1;
      }),
    );
    expect(held).toBeGreaterThan(0);
    expect(ended).toBeGreaterThan(0);
  });

  it('[S3] the same event twice is the same object after the second', () => {
    fc.assert(
      fc.property(facts, (history) => {
        const [last = unread] = snapshotsOf(history).slice(-1);
        const repeated = history.at(-1);
        if (repeated !== undefined) expect(withEvent(last, eventOf(repeated))).toBe(last);
      }),
    );
  });
});
