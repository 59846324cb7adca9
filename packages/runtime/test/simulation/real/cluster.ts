// One Redis that keeps what it acknowledged, one NATS, and workers before them, each behind its own
// proxies. The parent of all of them is the outside: it alone asks, and it has the one clock.
import { RedisLink } from '@devmentor/locks/redis';
import { type NatsBackend, type RedisBackend, startNats, startRedis } from '../../../../../test/backends.ts';
import { WorkerProcess } from './worker-process.ts';

export interface ClusterOptions {
  readonly workers: number;
  readonly isGuarded: boolean;
}

export class Cluster {
  readonly redis: RedisBackend;
  readonly nats: NatsBackend;
  readonly workers: readonly WorkerProcess[];

  static async start({ workers: count, isGuarded }: ClusterOptions): Promise<Cluster> {
    const [redis, nats] = await Promise.all([
      startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } }),
      startNats(),
    ]);
    const servers = { redis: redis.url, nats: nats.url };
    const workers = await Promise.all(
      Array.from({ length: count }, (_, i) =>
        WorkerProcess.open({ servers, namespace: 'real', id: `w${i + 1}`, isGuarded }),
      ),
    );
    const cluster = new Cluster(redis, nats, workers);
    try {
      await Promise.all(workers.map((worker) => worker.start({ attempts: 3 })));
      return cluster;
    } catch (error) {
      await cluster.end();
      throw error;
    }
  }

  private constructor(redis: RedisBackend, nats: NatsBackend, workers: readonly WorkerProcess[]) {
    this.redis = redis;
    this.nats = nats;
    this.workers = workers;
  }

  worker(index: number): WorkerProcess {
    const worker = this.workers[index % this.workers.length];
    if (worker === undefined) throw new Error('a cluster has workers');
    return worker;
  }

  /** Straight to Redis, for who reads what the resources' logs say. */
  openLink(): RedisLink {
    return RedisLink.open({ redis: this.redis.url });
  }

  async end(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.end()));
    await Promise.all([this.redis.stop(), this.nats.stop()]);
  }
}
