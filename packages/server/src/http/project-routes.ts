import { etagOf } from '@devmentor/contracts/routes';
import type { Accounts } from '../auth/accounts.ts';
import { Problem } from '../problem.ts';
import type { Claims } from '../projects/claims.ts';
import type { ProjectState } from '../projects/project.ts';
import type { Precondition, Projects } from '../projects/projects.ts';
import type { Takeovers } from '../projects/takeovers.ts';
import { projectToWire } from '../projects/wire.ts';
import type { Answer, Handlers } from './call.ts';
import { versionsOf } from './etag.ts';
import { digest, type Idempotency, keyed } from './idempotency.ts';

export interface ProjectRoutesOptions {
  readonly projects: Projects;
  readonly claims: Claims;
  readonly takeovers: Takeovers;
  readonly accounts: Accounts;
  readonly idempotency: Idempotency;
}

export function projectRoutes({ projects, claims, takeovers, accounts, idempotency }: ProjectRoutesOptions): Handlers {
  return {
    'projects.create': async (call) =>
      idempotency.once(keyed('projects.create', call), async (seed) => {
        const { caller, body } = call;
        const { name, description = '', data = {} } = body;
        const created = await projects.create({ id: seed, ownerId: caller.userId, name, description, data }, seed);
        return withTag(201, created, { location: `/api/v1/projects/${created.id}` });
      }),
    'projects.list': async ({ caller, query }) => ({
      status: 200,
      body: await projects.list(caller.userId, query),
    }),
    'projects.get': async ({ caller, params }) => withTag(200, await projects.get(caller.userId, params.id)),
    'projects.update': async ({ caller, params, body, header }) =>
      withTag(200, await projects.update(caller.userId, params.id, body, precondition(header))),
    'projects.delete': async ({ caller, params, header }) => {
      await projects.delete(caller.userId, params.id, precondition(header));
      return { status: 204 };
    },

    'projects.claim': async ({ caller, params, body, idempotencyKey, signal }) => {
      const requestId = lockRequest(caller.userId, params.id, idempotencyKey);
      const { grant, fresh } = await claims.claim(caller, params.id, { ...body, ...requestId, signal });
      return { status: fresh ? 201 : 200, body: grant };
    },
    'projects.release': async ({ caller, params, body }) => ({
      status: 200,
      body: await claims.release(caller, params.id, body.claimToken),
    }),
    'projects.renew': async ({ caller, params, body }) => ({
      status: 200,
      body: await claims.renew(caller, params.id, body),
    }),
    'projects.detach': async ({ params, body }) => {
      await claims.detach(params.id, body.claimToken);
      return { status: 204 };
    },
    'projects.lease': async ({ caller, params, query }) => ({
      status: 200,
      body: await claims.lease(caller.userId, params.id, query.instanceId),
    }),

    'projects.takeover': async ({ caller, params, body, idempotencyKey, signal }) => {
      const requestId = lockRequest(caller.userId, params.id, idempotencyKey);
      const taken = await takeovers.take(caller, params.id, { ...body, ...requestId, signal });
      if ('asked' in taken) return { status: 202, body: taken.asked };
      return { status: taken.fresh ? 201 : 200, body: taken.grant };
    },
    'projects.answerTakeover': async ({ caller, params, body }) => ({
      status: 200,
      body: await takeovers.answer(caller.userId, params.id, params.requestId, body),
    }),
    'projects.withdrawTakeover': async ({ caller, params }) => {
      await takeovers.withdraw(caller.userId, params.id, params.requestId);
      return { status: 204 };
    },

    'projects.addCollaborator': async ({ caller, params }) => {
      await projects.get(caller.userId, params.id);
      if (!(await accounts.isKnown(params.userId))) throw new Problem('NOT_FOUND', 'no such user');
      await projects.addCollaborator(caller.userId, params.id, params.userId);
      return { status: 204 };
    },
    'projects.removeCollaborator': async ({ caller, params }) => {
      await projects.removeCollaborator(caller.userId, params.id, params.userId);
      return { status: 204 };
    },
  };
}

/** The key names the lock request, for this user and project alone: one server stands for each name once. */
function lockRequest(userId: string, projectId: string, key: string | undefined): { readonly requestId?: string } {
  return key === undefined ? {} : { requestId: digest([userId, projectId, key]) };
}

function withTag(status: number, state: ProjectState, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, body: projectToWire(state), headers: { ...headers, etag: etagOf(state.version) } };
}

function precondition(header: (name: string) => string | undefined): Precondition {
  return { versions: versionsOf(header('if-match')), claimToken: header('x-claim-token') };
}
