// The transport over three NATS servers with routes to each other. A server tells its neighbours
// of a subscription on its own time; the suite waits for that where it goes on to publish from
// another server, as `told` below says how.
import { setTimeout as elapse, setImmediate as turn } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type NatsCluster, startNatsCluster } from '../../../test/nats-cluster.ts';
import { replacing } from '../src/testing-faults.ts';
import { transportContract } from '../src/transport.contract.ts';
import { openNatsTransport } from '../src/transport.nats.ts';
import type { RequestOutcome, Transport, TransportStatus } from '../src/transport.ts';

let cluster: NatsCluster;
let witnesses: readonly NatsConnection[];
/** What each witness has heard, one of them on every server. */
const heard: Set<string>[] = [];
/** Places of the servers that a test has killed. */
const down = new Set<number>();
let tokens = 0;

beforeAll(async () => {
  cluster = await startNatsCluster();
  witnesses = await Promise.all(
    cluster.urls.map(async (servers, at) => {
      const own = new Set<string>();
      heard[at] = own;
      const witness = await connect({
        servers,
        ignoreClusterUpdates: true,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 20,
        reconnectJitter: 0,
      });
      witness.subscribe('witness.*', { callback: (_error, { subject }) => void own.add(subject) });
      await witness.flush();
      return witness;
    }),
  );
});
afterAll(async () => {
  await Promise.all(witnesses.map((witness) => witness.close()));
  await cluster.stop();
});

/**
 * Resolves when every server that runs knows what this side has subscribed to: a route keeps its order, so
 * whoever hears what is published now has been told of the subscriptions before.
 */
async function told(transport: Transport): Promise<void> {
  tokens += 1;
  for (let nth = 0; ; nth += 1) {
    const token = `witness.${tokens}-${nth}`;
    transport.publish(token, Buffer.from(''));
    for (let turn = 0; turn < 20; turn += 1) {
      if (heard.every((own, at) => own.has(token) || down.has(at))) return;
      await elapse(2);
    }
    if (nth === 250) throw new Error('a server does not hear of it');
  }
}

const reached = (transport: Transport, status: TransportStatus): Promise<void> =>
  new Promise((resolve) => {
    if (transport.status === status) return resolve();
    const forget = transport.onStatus((now) => {
      if (now !== status) return;
      forget();
      resolve();
    });
  });

async function killServer(at: number): Promise<void> {
  down.add(at);
  await cluster.nodes[at]?.kill();
}

/** Connected to the server at this place first, and to any other when that one is gone. */
function openAt(at: number): Promise<Transport> {
  const servers = cluster.urls.map((_, n) => cluster.urls[(at + n) % cluster.urls.length] ?? '');
  return openNatsTransport({ nats: servers, connect: { noRandomize: true } });
}

/** A transport whose subscriptions begin and end on every server before their promises resolve. */
function knownEverywhere(transport: Transport): Transport {
  return replacing(transport, 'subscribe', async (subject, handler, options) => {
    const subscription = await transport.subscribe(subject, handler, options);
    await told(transport);
    return {
      unsubscribe: async () => {
        await subscription.unsubscribe();
        await told(transport);
      },
    };
  });
}

transportContract({
  name: 'NATS cluster, each node on a server of its own',
  open: async () => {
    const transports: Transport[] = [];
    const living = (): Transport[] => transports.filter(({ status }) => status !== 'closed');
    const mend = async (): Promise<void> => {
      await Promise.all(cluster.nodes.map((node) => node.restart()));
      await cluster.joined();
      await Promise.all(living().map((transport) => reached(transport, 'connected')));
      await Promise.all(living().map(told));
    };
    let isCut = false;
    return {
      connect: async () => {
        const transport = await openAt(transports.length);
        transports.push(transport);
        await told(transport);
        return knownEverywhere(transport);
      },
      cut: async () => {
        isCut = true;
        await Promise.all(cluster.nodes.map((node) => node.kill()));
        await Promise.all(living().map((transport) => reached(transport, 'disconnected')));
      },
      mend: async () => {
        await mend();
        isCut = false;
      },
      elapse: (ms) => elapse(ms),
      close: async () => {
        await Promise.all(transports.map((transport) => transport.close()));
        // A test that ends while the servers are down leaves them so.
        if (isCut) await mend();
      },
    };
  },
});

describe('NATS cluster, a server killed under load', () => {
  let sides: readonly Transport[];

  beforeEach(async () => {
    sides = await Promise.all(cluster.nodes.map((_, at) => openAt(at)));
  });
  afterEach(async () => {
    await Promise.all(sides.map((side) => side.close()));
    for (const at of down) await cluster.nodes[at]?.restart();
    await cluster.joined();
    down.clear();
  });

  it.each([
    ['of the one who sends', 0],
    ['of the one who answers', 1],
    ['of neither', 2],
  ])(
    '[TR3] the server %s is killed: others take its clients, nothing is doubled, what is asked settles',
    async (_, killed) => {
      const [near, far, third] = sides as readonly [Transport, Transport, Transport];
      const numbers: number[] = [];
      const asked: number[] = [];
      await far.subscribe('load.told', ({ body }) => void numbers.push(Number(body)));
      await far.subscribe('load.asked', (message) => {
        asked.push(Number(message.body));
        message.respond?.(message.body);
      });
      await told(far);

      const outcomes = new Map<number, RequestOutcome>();
      const waiting: Promise<void>[] = [];
      let sent = 0;
      let refused = 0;
      const load = async (until: () => boolean): Promise<void> => {
        while (!until()) {
          for (let i = 0; i < 5 && sent - outcomes.size < 100; i += 1) {
            sent += 1;
            const n = sent;
            const body = Buffer.from(String(n));
            try {
              near.publish('load.told', body);
            } catch {
              refused += 1;
            }
            waiting.push(
              near.request('load.asked', body, { timeoutMs: 5_000 }).then((outcome) => void outcomes.set(n, outcome)),
            );
          }
          await turn();
        }
      };
      await load(() => numbers.length > 200 && asked.length > 200);
      let isBack = false;
      const killing = (async (): Promise<void> => {
        const its = sides[killed] ?? near;
        const cut = reached(its, 'disconnected');
        await killServer(killed);
        await cut;
        await reached(its, 'connected');
        await told(its);
        isBack = true;
      })();
      await load(() => isBack);
      await killing;
      const before = numbers.length;
      await load(() => numbers.length > before + 200);
      await Promise.all(waiting);

      // Each at most once and in order; each request with an end, a reply being the one to it.
      expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
      expect(asked).toEqual([...new Set(asked)].toSorted((a, b) => a - b));
      expect(outcomes.size).toBe(sent);
      for (const [n, outcome] of outcomes)
        if (outcome.kind === 'reply') expect(outcome.body.toString()).toBe(String(n));
      expect(numbers.length, 'what was refused did not arrive later').toBeLessThanOrEqual(sent - refused);
      if (killed === 2) expect([refused, numbers.length], 'who is on other servers notices nothing').toEqual([0, sent]);

      // All hear all again, wherever they are now.
      const got: string[] = [];
      for (const [at, side] of sides.entries())
        await side.subscribe(`after.${killed}`, ({ body }) => void got.push(`${at} hears ${body.toString()}`));
      for (const side of sides) await told(side);
      for (const [at, side] of [near, far, third].entries()) side.publish(`after.${killed}`, Buffer.from(String(at)));
      while (got.length < 9) await elapse(2);
      await Promise.all(sides.map(told));
      expect(got.toSorted()).toEqual([0, 1, 2].flatMap((at) => [0, 1, 2].map((from) => `${at} hears ${from}`)));
    },
  );

  it('[TR2] who was given one address learns of the others, and is heard from there', async () => {
    const alone = await openNatsTransport({ nats: cluster.urls[2] ?? '' });
    const got: string[] = [];
    await alone.subscribe('alone', ({ body }) => void got.push(body.toString()));
    await told(alone);
    const cut = reached(alone, 'disconnected');
    await killServer(2);
    await cut;
    await reached(alone, 'connected');
    for (let turn = 0; turn < 500 && got.length === 0; turn += 1) {
      sides[0]?.publish('alone', Buffer.from('still here?'));
      await elapse(5);
    }
    expect(got[0]).toBe('still here?');
    await alone.close();
  });
});
