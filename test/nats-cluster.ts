// A NATS cluster of three servers, each with routes to the others.
import { setTimeout as sleep } from 'node:timers/promises';
import { type NatsBackend, startNats } from './backends.ts';
import { converse } from './ping.ts';

const readyWithinMs = 15_000;

export interface NatsCluster extends AsyncDisposable {
  readonly nodes: readonly NatsBackend[];
  /** Of every node: what a client is given. */
  readonly urls: readonly string[];
  /** Resolves when every node that runs has told its clients of all `size` nodes. */
  joined(size?: number): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves when every server knows both others. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const nodes: NatsBackend[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  const joined = async (size = 3): Promise<void> => {
    const deadline = performance.now() + readyWithinMs;
    while (performance.now() < deadline) {
      const known = await Promise.all(nodes.map(({ port }) => knownTo(port)));
      if (known.filter((count) => count >= size).length >= size) return;
      await sleep(20);
    }
    throw new Error('the NATS cluster did not come together');
  };
  try {
    // Each names those before it; what it learns from them is the rest.
    for (let n = 0; n < 3; n += 1) nodes.push(await startNats({ cluster: { join: [...nodes] } }));
    await joined();
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, urls: nodes.map(({ url }) => url), joined, stop, [Symbol.asyncDispose]: stop };
}

/** How many servers, itself among them, a server tells a new client of; 0 while it does not answer. */
async function knownTo(port: number): Promise<number> {
  const info = await converse(port, '', '"connect_urls"');
  const urls = /"connect_urls":\[([^\]]*)\]/.exec(info ?? '')?.[1];
  return urls === undefined ? 0 : new Set(urls.split(',')).size;
}
