// The bus as a node of a world reaches it, held to what every transport promises while nothing is broken.

import { World } from '../../src/simulation/world.ts';
import { replacing } from '../../src/testing-faults.ts';
import { transportContract } from '../../src/transport.contract.ts';
import type { Transport } from '../../src/transport.ts';

transportContract({
  name: 'simulated line [SM4]',
  open: async () => {
    const world = await World.start({ seed: 1, nodes: 6 });
    let connected = 0;
    return {
      connect: async () => patient(world, world.node(connected++).ports.transport),
      cut: async () => {
        for (const node of world.nodes) node.disconnect();
      },
      mend: async () => {
        for (const node of world.nodes) node.reconnect();
      },
      elapse: async (ms) => await world.advance(ms),
      close: async () => world.end(),
    };
  },
});

/** The suite waits for subscriptions without letting time pass. */
function patient(world: World, transport: Transport): Transport {
  return replacing(transport, 'subscribe', async (subject, handler, options) => {
    const { unsubscribe } = await world.run(transport.subscribe(subject, handler, options));
    return { unsubscribe: () => world.run(unsubscribe()) };
  });
}
