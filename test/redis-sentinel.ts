// Redis as it is run for high availability: a primary, two replicas, and three sentinels that
// promote one of them.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from './backend-process.ts';
import { type Backend, type RedisBackend, type RedisOptions, startRedis } from './backends.ts';
import { requireProgram } from './find-program.ts';
import { converse, pingRedis } from './ping.ts';

const readyWithinMs = 20_000;
const replicas = 2;

export interface RedisSentinelOptions extends RedisOptions {
  /** Where the replicas copy from, if not from the primary itself: a proxy before it. */
  readonly copyFrom?: (primary: RedisBackend) => Promise<{ readonly host: string; readonly port: number }>;
}

export interface RedisSentinel extends AsyncDisposable {
  /** What the sentinels call the primary. */
  readonly name: string;
  /** Addresses of the sentinels: what a client starts from. */
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** The server that was primary at the start, and then its replicas. */
  readonly nodes: readonly RedisBackend[];
  /** The server that most sentinels name as primary at this moment. */
  primary(): Promise<RedisBackend | undefined>;
  /** Resolves when another server is primary than the one given. */
  promoted(from: RedisBackend): Promise<RedisBackend>;
  stop(): Promise<void>;
}

/** Resolves when every sentinel knows all servers and all other sentinels. */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  const config = { 'repl-diskless-sync-delay': '0', ...options.config };
  const primary = await startRedis({ config });
  const started: Backend[] = [primary];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((backend) => backend.stop()));
  };
  try {
    const source = (await options.copyFrom?.(primary)) ?? { host: '127.0.0.1', port: primary.port };
    const replica = () => startRedis({ config: { ...config, replicaof: [source.host, `${source.port}`] } });
    const copies = await Promise.all(Array.from({ length: replicas }, replica));
    started.push(...copies);
    await until('replicas are in step', async () => {
      const roles = await Promise.all(copies.map(({ port }) => converse(port, 'INFO replication\r\n', 'master_link')));
      return roles.every((role) => role?.includes('master_link_status:up') === true);
    });
    const watchers = await Promise.all([startSentinel(primary), startSentinel(primary), startSentinel(primary)]);
    started.unshift(...watchers);
    await until('sentinels know each other', async () => {
      const views = await Promise.all(watchers.map(({ port }) => converse(port, 'INFO sentinel\r\n', 'sentinels=')));
      return views.every((view) => view?.includes(`slaves=${replicas},sentinels=3`) === true);
    });
    const nodes = [primary, ...copies];
    const named = () => primaryOf(watchers, nodes);
    return {
      name,
      sentinels: watchers.map(({ port }) => ({ host: '127.0.0.1', port })),
      nodes,
      primary: named,
      promoted: async (from) => {
        let next = await named();
        await until('a replica is promoted', async () => {
          next = await named();
          return next !== undefined && next !== from;
        });
        return next as RedisBackend;
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const name = 'main';

function startSentinel(primary: RedisBackend): Promise<Backend> {
  const directory = mkdtempSync(join(tmpdir(), 'devmentor-sentinel-'));
  const file = join(directory, 'sentinel.conf');
  return startChild({
    directory,
    scheme: 'redis',
    command: (port) => {
      // A sentinel keeps what it learns in its file; one that is started again reads it there.
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        'protected-mode no',
        `dir ${directory}`,
        `sentinel monitor ${name} 127.0.0.1 ${primary.port} 2`,
        `sentinel down-after-milliseconds ${name} 500`,
        `sentinel failover-timeout ${name} 3000`,
      ];
      writeFileSync(file, `${lines.join('\n')}\n`);
      return [requireProgram('redis-server'), file, '--sentinel'];
    },
    ping: pingRedis,
  });
}

async function primaryOf(
  sentinels: readonly Backend[],
  nodes: readonly RedisBackend[],
): Promise<RedisBackend | undefined> {
  const views = await Promise.all(sentinels.map(({ port }) => converse(port, 'INFO sentinel\r\n', 'sentinels=')));
  const ports = views.map((view) => Number(/address=[\d.]+:(\d+)/.exec(view ?? '')?.[1]));
  return nodes.find((node) => ports.filter((port) => port === node.port).length >= 2);
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + readyWithinMs;
  while (performance.now() < deadline) {
    if (await isSo()) return;
    await sleep(20);
  }
  throw new Error(`waited in vain until ${what}`);
}
