import { SimulatedClock } from '@devmentor/locks/testing';
import fc from 'fast-check';
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
      cut: async () => {
        for (const transport of transports) transport.disconnect();
      },
      mend: async () => {
        for (const transport of transports) transport.reconnect();
      },
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

  it('[TR5] what a handler throws comes out as a bug, after everything was delivered', async () => {
    const clock = new SimulatedClock();
    const transport = new MemoryBus(clock).connect();
    const got: string[] = [];
    await transport.subscribe('news', () => {
      throw new Error('a bug');
    });
    await transport.subscribe('news', (message) => void got.push(message.body.toString()));
    for (const word of ['one', 'two']) transport.publish('news', Buffer.from(word));
    await expect(clock.advance(10)).rejects.toThrow('a bug');
    expect(got).toEqual(['one', 'two']);
  });

  it('[TR4] through cuts, closes, silence and repeated answers every request settles once, in time, and the same again', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('ask' as const),
          of: fc.constantFrom('echo', 'mute', 'later', 'twice', 'nobody'),
          timeoutMs: fc.integer({ min: 1, max: 200 }),
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('elapse' as const), ms: fc.integer({ min: 0, max: 80 }) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut near', 'cut far', 'mend', 'close far' as const) }) },
    );
    const reached = new Set<string>();
    const run = async (
      steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
    ): Promise<string[]> => {
      const clock = new SimulatedClock();
      const bus = new MemoryBus(clock);
      const [near, far] = [bus.connect(), bus.connect()];
      await far.subscribe('echo', (message) => message.respond?.(message.body));
      await far.subscribe('mute', () => {});
      await far.subscribe('later', (message) => void clock.after(50, () => message.respond?.(message.body)));
      await far.subscribe('twice', (message) => {
        for (let i = 0; i < 2; i++) message.respond?.(message.body);
      });
      const trace: string[] = [];
      let asked = 0;
      for (const one of steps) {
        if (one.do === 'elapse') await clock.advance(one.ms);
        else if (one.do === 'cut near') near.disconnect();
        else if (one.do === 'cut far') far.disconnect();
        else if (one.do === 'close far') await far.close();
        else if (one.do === 'mend') for (const end of [near, far]) end.reconnect();
        else if (one.do === 'ask') {
          const name = `${asked++} ${one.of}`;
          const dueMs = clock.nowMs() + one.timeoutMs;
          void near.request(one.of, Buffer.from(name), { timeoutMs: one.timeoutMs }).then((outcome) => {
            expect(clock.nowMs()).toBeLessThanOrEqual(dueMs + 10);
            if (outcome.kind === 'reply') expect(outcome.body.toString()).toBe(name);
            const how = outcome.kind === 'lost' ? outcome.why : outcome.kind;
            reached.add(how);
            trace.push(`${name} ${how} ${clock.nowMs()}`);
          });
        }
      }
      await clock.advance(500);
      expect([trace.length, clock.pending]).toEqual([asked, 0]);
      return trace;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50, size: 'max' }), async (steps) => {
        expect(await run(steps)).toEqual(await run(steps));
      }),
      { numRuns: 60 },
    );
    expect([...reached].sort()).toEqual(['deadline', 'disconnected', 'no-responders', 'reply']);
  });
});
