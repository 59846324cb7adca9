import type { Boards } from '../boards/boards.ts';
import type { Handlers } from './call.ts';
import { type Idempotency, keyed } from './idempotency.ts';

export interface BoardRoutesOptions {
  readonly boards: Boards;
  readonly idempotency: Idempotency;
}

export function boardRoutes({ boards, idempotency }: BoardRoutesOptions): Handlers {
  return {
    'ai.putProblem': async ({ caller, params, body }) => {
      await boards.putProblem(caller.userId, params.id, body);
      return { status: 204 };
    },
    'ai.createBlackboard': async (call) =>
      idempotency.once(keyed('ai.createBlackboard', call), async (seed) => {
        const { isNew, board } = await boards.open(call.caller.userId, call.body, seed);
        return { status: isNew ? 201 : 200, body: board, headers: { location: `/api/v1/ai/blackboards/${board.id}` } };
      }),
    'ai.listBlackboards': async ({ caller, query }) => ({ status: 200, body: await boards.list(caller.userId, query) }),
    'ai.getBlackboard': async ({ caller, params }) => ({
      status: 200,
      body: await boards.get(caller.userId, params.id),
    }),
    'ai.deleteBlackboard': async ({ caller, params }) => {
      await boards.delete(caller.userId, params.id);
      return { status: 204 };
    },
    'ai.contribute': async (call) =>
      idempotency.once(keyed('ai.contribute', call), async (seed) => ({
        status: 201,
        body: await boards.contribute(call.caller, call.params.id, call.body, seed),
      })),
    'ai.listContributions': async ({ caller, params, query }) => ({
      status: 200,
      body: await boards.contributions(caller.userId, params.id, query),
    }),
    'ai.synthesize': async (call) =>
      idempotency.once(keyed('ai.synthesize', call), async () => ({
        status: 200,
        body: await boards.synthesize(call.caller.userId, call.params.id),
      })),
    'ai.getSolution': async ({ caller, params }) => ({
      status: 200,
      body: await boards.solution(caller.userId, params.id),
    }),
    'ai.pauseBlackboard': async ({ caller, params }) => ({
      status: 200,
      body: await boards.steer(caller.userId, params.id, 'pause'),
    }),
    'ai.resumeBlackboard': async ({ caller, params }) => ({
      status: 200,
      body: await boards.steer(caller.userId, params.id, 'resume'),
    }),
    'ai.cancelBlackboard': async ({ caller, params }) => ({
      status: 200,
      body: await boards.steer(caller.userId, params.id, 'cancel'),
    }),
  };
}
