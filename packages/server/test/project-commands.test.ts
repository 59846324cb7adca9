import { eventData } from '@devmentor/contracts';
import { describe, expect, it } from 'vitest';
import { decide, type LeaseHappening, NO_PROJECT, type ProjectContext } from '../src/projects/project-commands.ts';

type Command = Parameters<typeof decide>[1];

const atMs = 1_700_000_000_000;
const press = { id: 'p1', name: 'Press', ownerId: 'ada' };
const bob = { id: 'bob', name: 'Bob' };
const created = decide(NO_PROJECT, { type: 'create', project: press, request: 'r1', atMs });

function lease(type: string, logId: string, fence = '0000000000000007', more: Partial<LeaseHappening> = {}): Command {
  const event: LeaseHappening = {
    type,
    resource: 'project:p1',
    gen: 1,
    holder: { id: 'ada', name: 'Ada' },
    instance: 'tab1',
    fence,
    atMs,
    ttlMs: 45_000,
    untilMs: atMs + 45_000,
    ...more,
  };
  return { type: 'lease.event', logId, event };
}

function play(from: ProjectContext, commands: readonly Command[]) {
  let context = from;
  const published = commands.flatMap((command) => {
    const decision = decide(context, command);
    context = decision.context;
    return decision.publish;
  });
  return { context, published, types: published.map(({ type }) => type) };
}

describe('project commands', () => {
  it('[PC1] the same attempt to create is answered with what it made', () => {
    const project = { ...press, name: 'Other' };
    const again = decide(created.context, { type: 'create', project, request: 'r1', atMs: atMs + 1 });
    expect(again.reply).toEqual(created.reply);
    expect(again.publish).toEqual([]);
  });

  it('[PC1] another attempt for the same id is refused', () => {
    const other = decide(created.context, { type: 'create', project: press, request: 'r2', atMs });
    expect(other.reply).toMatchObject({ kind: 'refused', code: 'ALREADY_EXISTS' });
  });

  it('[PC2] a write that expects another version changes nothing and is told the present one', () => {
    const write = { type: 'update', by: 'ada', patch: { name: 'x' }, expected: 7, atMs } as const;
    const stale = decide(created.context, write);
    expect(stale.reply).toMatchObject({ kind: 'refused', code: 'VERSION_MISMATCH', version: 1 });
    expect(stale.context).toBe(created.context);
  });

  it('[PC3] an event of the lease log that was taken before is a duplicate', () => {
    const { types } = play(created.context, [lease('claimed', '2'), lease('claimed', '2'), lease('away', '1')]);
    expect(types).toEqual(['project.claimed']);
  });

  it('[PC3] lease events never change the version', () => {
    const log = [lease('claimed', '1'), lease('away', '2'), lease('back', '3'), lease('released', '4')];
    const { context, types } = play(created.context, log);
    expect(types).toEqual(['project.claimed', 'lease.away', 'lease.back', 'project.released']);
    expect(context.project?.version).toBe(1);
  });

  it('[PC3] a claim is told with its own term and its own end', () => {
    const [claimed] = play(created.context, [lease('claimed', '1')]).published;
    expect(claimed?.data).toMatchObject({ ttlMs: 45_000, expiresAt: new Date(atMs + 45_000).toISOString() });
  });

  it('[PC3] the end of a claim that is not the current one releases nothing', () => {
    const log = [
      lease('claimed', '1', '1'.repeat(16)),
      lease('claimed', '2', '2'.repeat(16)),
      lease('released', '3', '1'.repeat(16)),
    ];
    expect(play(created.context, log).context.project?.claim?.id).toBe('2'.repeat(16));
  });

  /** Bob asks, Ada refuses; he asks again, and she lets him have it. */
  const takeover: readonly Command[] = [
    lease('claimed', '1'),
    lease('takeover-requested', '2', undefined, { by: bob, takeoverId: '2', reason: 'mine' }),
    lease('takeover-denied', '3', undefined, { by: bob, takeoverId: '2', how: 'denied' }),
    lease('takeover-requested', '4', undefined, { by: bob, takeoverId: '4' }),
    lease('released', '5', undefined, { by: bob, how: 'handed-over' }),
    lease('offered', '6', '8'.repeat(16), { holder: bob }),
    lease('taken-over', '7', '8'.repeat(16), { holder: bob, from: { id: 'ada', name: 'Ada' }, how: 'granted' }),
  ];

  it('[PC6] a claim that was taken over is a claim of the one who took it, and says from whom', () => {
    const { context, published } = play(created.context, takeover);
    expect(context.project?.claim).toMatchObject({ id: '8'.repeat(16), userId: 'bob' });
    expect(published.slice(-3)).toMatchObject([
      { type: 'project.released', data: { userId: 'ada' } },
      { type: 'project.claimed', data: { userId: 'bob', holder: { userId: 'bob' }, fencingToken: '8'.repeat(16) } },
      { type: 'lease.taken-over', data: { previous: { userId: 'ada', displayName: 'Ada' }, forced: false } },
    ]);
  });

  it('[PC6] who asks for a claim, and is denied it, is told, and the claim stays', () => {
    const { context, published } = play(created.context, takeover.slice(0, 3));
    expect(context.project?.claim?.userId).toBe('ada');
    expect(published.slice(1)).toMatchObject([
      { type: 'lease.takeover-requested', data: { requestId: '2', by: { userId: 'bob' }, reason: 'mine' } },
      { type: 'lease.takeover-denied', data: { requestId: '2', by: { userId: 'bob' }, holder: { userId: 'ada' } } },
    ]);
  });

  it('[PC6] an offer that nobody took ends nothing', () => {
    const unconfirmed = lease('expired', '3', '8'.repeat(16), { holder: bob, how: 'unconfirmed' });
    const { context, types } = play(created.context, [lease('claimed', '1'), unconfirmed]);
    expect(types).toEqual(['project.claimed']);
    expect(context.project?.claim?.userId).toBe('ada');
  });

  it('[PC4] members are told when they join and when the project goes', () => {
    const added = decide(created.context, { type: 'addCollaborator', by: 'ada', userId: 'bob', atMs });
    const gone = decide(added.context, { type: 'delete', by: 'ada', expected: 'any', atMs });
    expect(created.memberships.map(({ userId }) => userId)).toEqual(['ada']);
    expect(added.memberships).toMatchObject([{ userId: 'bob', event: { type: 'member.joined', version: 2 } }]);
    expect(gone.memberships.map(({ userId, event }) => [userId, event.type])).toEqual([
      ['ada', 'member.left'],
      ['bob', 'member.left'],
    ]);
  });

  it('[PC5] every published event has the form the wire promises', () => {
    const { published, types } = play(NO_PROJECT, [
      { type: 'create', project: press, request: 'r1', atMs },
      { type: 'update', by: 'ada', patch: { data: { a: 1 } }, expected: 1, atMs },
      lease('claimed', '1'),
      lease('away', '2'),
      lease('back', '3'),
      lease('expired', '4'),
      lease('claimed', '5', '8'.repeat(16)),
      lease('released', '6', '8'.repeat(16)),
      { type: 'delete', by: 'ada', expected: 'any', atMs },
    ]);
    const passedOn = play(created.context, takeover);
    for (const { type, data } of [...published, ...passedOn.published]) {
      expect(eventData[type as keyof typeof eventData].safeParse(data).error, type).toBeUndefined();
    }
    expect(new Set([...types, ...passedOn.types]).size).toBe(11);
  });
});
