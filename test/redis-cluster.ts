// A Redis Cluster of three masters, for what must hold across slots.
import { setTimeout as sleep } from 'node:timers/promises';
import { type RedisBackend, type RedisOptions, startRedis } from './backends.ts';
import { converse } from './ping.ts';

const slots = 16_384;
const readyWithinMs = 15_000;

export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisBackend[];
  /** Of every node: what a cluster client starts from. */
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

/** Resolves when every node serves its share of the slots and knows the others. */
export async function startRedisCluster(options: RedisOptions = {}): Promise<RedisCluster> {
  const config = { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000', ...options.config };
  const start = (): Promise<RedisBackend> => startRedis({ config, busPort: true });
  const nodes = await Promise.all([start(), start(), start()]);
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    await join(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, urls: nodes.map(({ url }) => url), stop, [Symbol.asyncDispose]: stop };
}

async function join(nodes: readonly RedisBackend[]): Promise<void> {
  for (const [index, { port }] of nodes.entries()) {
    const first = Math.floor((slots * index) / nodes.length);
    const last = Math.floor((slots * (index + 1)) / nodes.length) - 1;
    await command(port, `CLUSTER ADDSLOTSRANGE ${first} ${last}`, '+OK');
    await command(port, `CLUSTER SET-CONFIG-EPOCH ${index + 1}`, '+OK');
  }
  const [first, ...others] = nodes;
  for (const { port, busPort } of others)
    await command(first?.port ?? 0, `CLUSTER MEET 127.0.0.1 ${port} ${busPort}`, '+OK');

  const deadline = performance.now() + readyWithinMs;
  while (performance.now() < deadline) {
    const states = await Promise.all(nodes.map(({ port }) => converse(port, 'CLUSTER INFO\r\n', 'cluster_size:3\r\n')));
    if (states.every((state) => state?.includes('cluster_state:ok') === true)) return;
    await sleep(50);
  }
  throw new Error('the Redis Cluster did not come together');
}

async function command(port: number, text: string, expected: string): Promise<void> {
  if ((await converse(port, `${text}\r\n`, expected)) === undefined) throw new Error(`Redis refused: ${text}`);
}
