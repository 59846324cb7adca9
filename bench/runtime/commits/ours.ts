// Commits of ours: straight into the store, and of messages to actors of a runtime over it.
import { RedisLink } from '@devmentor/locks/redis';
import { createRuntime, defineActor } from '@devmentor/runtime';
import { redisStores } from '@devmentor/runtime/redis';
import { assign, setup } from 'xstate';
import { commitOf, idOf } from './record.ts';

const machine = setup({
  types: {} as { context: { name: string; notes: string; edits: number }; events: { type: 'edit' } },
}).createMachine({
  context: { name: 'Press', notes: 'x'.repeat(400), edits: 0 },
  initial: 'editing',
  states: { editing: { on: { edit: { actions: assign({ edits: ({ context }) => context.edits + 1 }) } } } },
});
const Paper = defineActor('a', { machine });

/** One commit of the actor of each lane, in a call of its own. */
export async function openStore(url: string, lanes: number) {
  const link = RedisLink.open({ redis: url });
  const { state } = redisStores({ link, namespace: 'store', shards: 1 });
  await state.open();
  const [own] = await state.ownership([0]);
  if (own === undefined) throw new Error('a shard has an owner');
  const sealed = await state.seal(0, 'bench', own);
  if (sealed.kind !== 'sealed') throw new Error(sealed.kind);
  const { epoch } = sealed;
  const versions = Array.from({ length: lanes }, () => 0);
  return {
    commit: async (lane: number): Promise<void> => {
      const version = versions[lane] ?? 0;
      versions[lane] = version + 1;
      const answer = await state.commit(0, epoch, [commitOf(idOf(lane), version, epoch)]);
      if (answer.kind === 'fenced' || answer.outcomes[0]?.kind !== 'committed') throw new Error(JSON.stringify(answer));
    },
    close: () => link.close(),
  };
}

/** One durable message to an actor: it is answered when it is committed. */
export async function openRuntime(url: string, actors: number) {
  const link = RedisLink.open({ redis: url });
  const { state } = redisStores({ link, namespace: 'runtime', shards: 1 });
  const runtime = createRuntime({ actors: [Paper], state });
  await runtime.start();
  const refs = Array.from({ length: actors }, (_, n) => runtime.actor(Paper, String(n)));
  return {
    tell: (actor: number): Promise<unknown> => {
      const ref = refs[actor];
      if (ref === undefined) throw new Error('more lanes than actors');
      return ref.tell({ type: 'edit' });
    },
    close: async () => {
      await runtime.stop();
      await link.close();
    },
  };
}
