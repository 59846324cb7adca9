import { SimulatedClock } from '@devmentor/locks/testing';
import { describe, expect, it } from 'vitest';
import { transportContract } from '../src/transport.contract.ts';
import { MemoryBus, type MemoryTransport } from '../src/transport.memory.ts';

transportContract({
  name: 'memory',
  open: async () => {
    const clock = new SimulatedClock();
    const bus = new MemoryBus(clock);
    const transports: MemoryTransport[] = [];
    return {
      connect: async () => {
        const transport = bus.connect();
        transports.push(transport);
        return transport;
      },
      cut: async () => transports.forEach((transport) => transport.disconnect()),
      mend: async () => transports.forEach((transport) => transport.reconnect()),
      elapse: async (ms) => await clock.advance(ms),
      close: async () => {
        for (const transport of transports) await transport.close();
        expect(clock.pending).toBe(0);
      },
    };
  },
});

describe('MemoryTransport', () => {
  it('[TR3] what is on its way when the link is cut does not arrive after it is mended', async () => {
    const clock = new SimulatedClock();
    const bus = new MemoryBus(clock);
    const [near, far] = [bus.connect(), bus.connect()];
    const got: string[] = [];
    await far.subscribe('news', (message) => void got.push(message.body.toString()));
    near.publish('news', Buffer.from('cut off'));
    near.disconnect();
    near.reconnect();
    near.publish('news', Buffer.from('after'));
    await clock.advance(10);
    expect(got).toEqual(['after']);
  });
});
