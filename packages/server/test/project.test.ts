import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError, Project, UserId } from '../src/index.ts';
import { mergePatch } from '../src/projects/merge-patch.ts';

const ada = new UserId('ada');
const bob = new UserId('bob');
const eve = new UserId('eve');

function moment() {
  let calls = 0;
  const next = () => {
    calls += 1;
    return calls;
  };
  return { wallMs: () => 1_000 + next(), id: () => `claim-${next()}` };
}

function aProject(): Project {
  const project = Project.create({ id: 'p1', name: 'Press', ownerId: 'ada' }, moment());
  project.addCollaborator(ada, bob);
  project.takeEvents();
  return project;
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
  return 'done';
}

describe('Project', () => {
  it('[P1] a change raises the version by one and names what changed', () => {
    const project = aProject();
    project.update(ada, { name: 'Printing press', data: { colour: 'red' } });
    expect(project.version).toBe(3);
    expect(project.takeEvents()).toMatchObject([
      { type: Project.Events.Updated, version: 3, userId: 'ada', changed: ['name', 'data'] },
    ]);
  });

  it('[P1] an update that changes nothing keeps the version and says nothing', () => {
    const project = aProject();
    project.update(ada, { name: 'Press' });
    expect(project.version).toBe(2);
    expect(project.takeEvents()).toEqual([]);
  });

  it('[P1] claiming and releasing are told and change no version', () => {
    const project = aProject();
    project.release(project.claim(bob));
    expect(project.takeEvents().map(({ type }) => type)).toEqual([Project.Events.Claimed, Project.Events.Released]);
    expect(project.version).toBe(2);
  });

  it('[P2] a second claim is refused, with a message that begins as every caller expects', () => {
    const project = aProject();
    project.claim(bob);
    expect(() => project.claim(ada)).toThrow('Resource is locked');
    expect(refusal(() => project.claim(ada))).toBe('RESOURCE_LOCKED');
  });

  it('[P2] a token that is not of the current claim releases nothing', () => {
    const project = aProject();
    const old = project.claim(bob);
    project.release(old);
    project.claim(ada);
    expect(() => project.release(old)).toThrow('Invalid claim token');
    expect(project.isLocked()).toBe(true);
  });

  it('[P2] what the lease log says replaces a claim that was thought to last', () => {
    const project = aProject();
    project.follow({ kind: 'claimed', id: 'l1', userId: 'ada' });
    project.follow({ kind: 'claimed', id: 'l2', userId: 'bob' });
    expect(project.state.claim).toMatchObject({ id: 'l2', userId: 'bob' });
  });

  it('[P3] a stranger changes nothing, whatever he asks', () => {
    const asks = {
      update: (project: Project) => project.update(eve, { name: 'mine' }),
      delete: (project: Project) => project.delete(eve),
      add: (project: Project) => project.addCollaborator(eve, eve),
      remove: (project: Project) => project.removeCollaborator(eve, bob),
      claim: (project: Project) => project.claim(eve),
    };
    for (const ask of Object.values(asks)) {
      const project = aProject();
      const before = project.state;
      expect(refusal(() => ask(project))).toBe('NOT_FOUND');
      expect(project.state).toBe(before);
      expect(project.takeEvents()).toEqual([]);
    }
  });

  it('[P3] a collaborator edits and may leave, and neither deletes nor invites', () => {
    const project = aProject();
    expect(refusal(() => project.delete(bob))).toBe('FORBIDDEN');
    expect(refusal(() => project.addCollaborator(bob, eve))).toBe('FORBIDDEN');
    project.removeCollaborator(bob, bob);
    expect(project.isMember(bob)).toBe(false);
  });

  it('[P4] the owner is no collaborator and cannot be removed', () => {
    const project = aProject();
    project.addCollaborator(ada, ada);
    expect(project.state.collaborators).toEqual(['bob']);
    expect(refusal(() => project.removeCollaborator(ada, ada))).toBe('VALIDATION_FAILED');
  });

  it('[P4] a guest is a member of a project that is open to guests, and of no other', () => {
    const open = Project.create({ id: 'p2', name: 'Open', ownerId: 'ada', openToGuests: true }, moment());
    const guest = new UserId('guest-1');
    expect([open.isMember(guest), aProject().isMember(guest)]).toEqual([true, false]);
  });
});

describe('mergePatch', () => {
  it('[P5] members replace, null removes, objects merge, arrays are replaced whole', () => {
    const target = { a: 'b', c: { d: 'e', f: 'g' }, list: [1, 2] };
    expect(mergePatch(target, { a: 'z', c: { f: null }, list: [3] })).toEqual({ a: 'z', c: { d: 'e' }, list: [3] });
  });

  it('[P5] a key that names the prototype stays data', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__": {"isAdmin": true}}'));
    expect(Object.hasOwn(merged as object, '__proto__')).toBe(true);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it('[P5] the same patch twice is the patch once', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (target, patch) => {
        const once = mergePatch(JSON.parse(target), JSON.parse(patch));
        expect(JSON.stringify(mergePatch(once, JSON.parse(patch)))).toBe(JSON.stringify(once));
      }),
    );
  });
});
