import { defineActor, publish, reply, returns, tell } from '@devmentor/runtime';
import { enqueueActions, setup } from 'xstate';
import { takesTheNext } from '../supervision.ts';
import { decide, NO_PROJECT, type ProjectCommand, type ProjectContext, type ProjectReply } from './project-commands.ts';

// The aggregate as a durable statechart. `decide` decides every command; the states only say
// what a watcher wants to see at a glance.
const machine = setup({ types: {} as { context: ProjectContext; events: ProjectCommand } }).createMachine({
  id: 'project',
  context: NO_PROJECT,
  initial: 'absent',
  on: {
    '*': {
      actions: enqueueActions(({ context, event, enqueue }) => {
        const decision = decide(context, event);
        enqueue.assign(decision.context);
        for (const { type, data } of decision.publish) enqueue(publish(type, data));
        for (const { userId, event: membership } of decision.memberships) enqueue(tell('user', userId, membership));
        if (decision.reply !== undefined) enqueue(reply(decision.reply));
      }),
    },
  },
  states: {
    absent: { always: { guard: ({ context }) => context.project !== null, target: 'present' } },
    present: { always: { guard: ({ context }) => context.project?.status === 'deleted', target: 'deleted' } },
    deleted: {},
  },
});

/** `project:<id>`: the one place where a project changes. */
export const ProjectActor = defineActor('project', {
  machine,
  supervise: takesTheNext,
  replies: {
    create: returns<ProjectReply>(),
    update: returns<ProjectReply>(),
    delete: returns<ProjectReply>(),
    addCollaborator: returns<ProjectReply>(),
    removeCollaborator: returns<ProjectReply>(),
  },
});
