import { createRuntime, type DeadLetter, type Runtime } from '@devmentor/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserActor } from '../src/auth/user-actor.ts';
import { ProjectActor } from '../src/projects/project-actor.ts';
import type { LeaseHappening } from '../src/projects/project-commands.ts';

const atMs = 1_700_000_000_000;
/** Later than any Date can say, which nobody sends and everything that makes text of a time fails on. */
const never = 1e20;
const happened: LeaseHappening = {
  type: 'claimed',
  resource: 'project:p1',
  gen: 1,
  holder: { id: 'ada' },
  instance: 'tab1',
  fence: '0000000000000007',
  atMs,
  ttlMs: 45_000,
  untilMs: atMs + 45_000,
};

let runtime: Runtime;
let deadLetters: DeadLetter[];

beforeEach(async () => {
  deadLetters = [];
  runtime = createRuntime({ actors: [ProjectActor, UserActor], onDeadLetter: (letter) => deadLetters.push(letter) });
  await runtime.start();
});
afterEach(() => runtime.stop());

describe('a project that is asked what it fails on', () => {
  it('[PC7] a request that fails again and again keeps nobody from the project', async () => {
    const project = runtime.actor(ProjectActor, 'p1');
    await project.ask({ type: 'create', project: { id: 'p1', name: 'Press', ownerId: 'ada' }, request: 'r', atMs });
    const write = { type: 'update', by: 'ada', expected: 'any' } as const;
    for (let i = 0; i < 30; i++) {
      const failed = await project.ask({ ...write, patch: { name: `bad ${i}` }, atMs: never });
      expect(failed).toMatchObject({ kind: 'failed', what: expect.stringContaining('RangeError') as string });
    }
    const done = await project.ask({ ...write, patch: { name: 'good' }, atMs });
    expect(done).toMatchObject({ kind: 'done', project: { name: 'good', version: 2 } });
    expect(deadLetters).toEqual([]);
  });

  it('[PC7] a lease event that fails is a dead letter, and the next one is taken', async () => {
    const project = runtime.actor(ProjectActor, 'p1');
    await project.ask({ type: 'create', project: { id: 'p1', name: 'Press', ownerId: 'ada' }, request: 'r', atMs });
    const poison = { type: 'lease.event', logId: '1', event: { ...happened, untilMs: never } } as const;
    await expect(project.tell(poison)).rejects.toMatchObject({ code: 'ACTOR_FAILED', applied: 'no' });
    await project.tell({ type: 'lease.event', logId: '2', event: happened });
    expect((await project.read()).context.project?.claim).toMatchObject({ userId: 'ada' });
    expect(deadLetters).toHaveLength(1);
  });
});
