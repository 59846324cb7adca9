import type { Clock } from '@devmentor/locks';
import type { Runtime } from '@devmentor/runtime';
import { UserActor } from './auth/user-actor.ts';
import { ProjectActor } from './projects/project-actor.ts';

/** The project every guest of the demo may edit. */
export const DEMO_PROJECT = '123';
const OWNER = 'demo';

/** Seeds the demo's project, once per namespace however many servers start. */
export async function seedDemo(runtime: Runtime, clock: Clock): Promise<void> {
  const atMs = Math.floor(clock.wallMs());
  await runtime.actor(UserActor, OWNER).tell({
    type: 'introduce',
    profile: { id: OWNER, username: OWNER, displayName: 'Demo', kind: 'account', createdAtMs: atMs },
  });
  const project = {
    id: DEMO_PROJECT,
    ownerId: OWNER,
    name: 'A project to edit together',
    description: 'Open this page twice: one of you edits, the other sees who does.',
    data: { notes: '' },
    openToGuests: true,
  };
  // Refused when an earlier start seeded it; what people made of it since stays.
  await runtime.actor(ProjectActor, DEMO_PROJECT).ask({ type: 'create', project, request: 'demo', atMs });
}
