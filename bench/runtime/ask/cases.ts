// What both processes of the bench of asks have in common.
import { RedisLink, RedisLockManager } from '@devmentor/locks/redis';
import { createRuntime, defineActor, type Runtime, reply, returns } from '@devmentor/runtime';
import { openNatsTransport } from '@devmentor/runtime/nats';
import { redisStores } from '@devmentor/runtime/redis';
import { ServiceBroker } from 'moleculer';
import { setup } from 'xstate';

/** About two hundred bytes of JSON, as a contribution or an order might be. */
export interface Order {
  readonly id: string;
  readonly to: string;
  readonly lines: readonly { readonly sku: string; readonly count: number }[];
  readonly note: string;
}

export const order: Order = {
  id: 'ord-2207419034-a',
  to: 'warehouse:berlin:7',
  lines: [
    { sku: 'A-1009-xl', count: 2 },
    { sku: 'B-7731-s', count: 14 },
  ],
  note: 'leave it with the neighbour on the left, ring twice, do not bend',
};

const machine = setup({
  types: {} as { context: Record<string, never>; events: { type: 'echo'; order: Order } },
}).createMachine({
  context: {},
  on: { echo: { actions: reply(({ event }) => event.order) } },
});

/** Not durable: what is measured is the way there and back. */
export const Echo = defineActor('echo', { machine, durable: false, replies: { echo: returns<Order>() } });

export interface OpenNode {
  readonly runtime: Runtime;
  close(): Promise<void>;
}

export async function openNode(at: {
  readonly redis: string;
  readonly nats: string;
  readonly namespace: string;
  readonly id: string;
}): Promise<OpenNode> {
  const { namespace } = at;
  const link = RedisLink.open({ redis: at.redis });
  const locks = new RedisLockManager({ redis: link, namespace });
  const { state } = redisStores({ link, namespace });
  const transport = await openNatsTransport({ nats: at.nats });
  const runtime = createRuntime({ actors: [Echo], namespace, locks, state, transport, node: { id: at.id } });
  await runtime.start();
  return {
    runtime,
    close: async () => {
      await runtime.stop();
      await transport.close();
      await locks.close();
      await link.close();
    },
  };
}

/** A Moleculer node over NATS with nothing switched on that costs. */
export function brokerOf(nats: string, nodeID: string): ServiceBroker {
  return new ServiceBroker({
    nodeID,
    transporter: { type: 'NATS', options: { url: nats } },
    logger: false,
    metrics: false,
    tracing: false,
  });
}

export function answererOf(nats: string, nodeID: string): ServiceBroker {
  const broker = brokerOf(nats, nodeID);
  broker.createService({
    name: 'echo',
    actions: { order: ({ params }: { params: { order: Order } }) => params.order },
  });
  return broker;
}
