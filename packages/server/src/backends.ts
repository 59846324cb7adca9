// Where a server keeps its state and how it talks to the others: one process's memory, or Redis
// and NATS. Nothing above this file knows which.
import type { Clock, Entropy, LockManager } from '@devmentor/locks';
import { MemoryLockManager } from '@devmentor/locks/memory';
import {
  type LogStore,
  MemoryBus,
  MemoryLogStore,
  MemoryRecordStore,
  type RecordStore,
  type StateStore,
  type Transport,
} from '@devmentor/runtime';
import { HintingStateStore } from './hinting-state-store.ts';
import type { TopicHints } from './live/topic-feed.ts';
import { transportHints } from './live/transport-hints.ts';

export interface Backends {
  /** `alone`: no other server can share these, so the runtime need not watch for any. */
  readonly kind: 'alone' | 'shared';
  readonly locks: LockManager;
  readonly state: StateStore;
  readonly log: LogStore;
  readonly records: RecordStore;
  readonly transport: Transport;
  readonly hints: TopicHints;
  /** Asks each backend whether it answers now. */
  check(): Promise<Readonly<Record<string, 'up' | 'down'>>>;
  /** Ends the connections. The locks are closed before, by whoever says what becomes of the leases. */
  close(): Promise<void>;
}

export interface Platform {
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** A backend did not answer at start. */
export class BackendUnreachable extends Error {
  override readonly name = 'BackendUnreachable';
}

export function memoryBackends({ clock, entropy }: Platform): Backends {
  const transport = new MemoryBus(clock).connect();
  const log = new MemoryLogStore({ clock });
  const state = new HintingStateStore({ clock, log });
  return {
    kind: 'alone',
    locks: new MemoryLockManager({ clock, entropy }),
    state,
    hints: state,
    log,
    records: new MemoryRecordStore({ clock }),
    transport,
    check: async () => ({ memory: 'up' }),
    close: () => transport.close(),
  };
}

export interface ClusterAddress {
  readonly redis: string;
  readonly nats: string;
  readonly namespace: string;
}

/** Connects to both, or throws `BackendUnreachable` and leaves nothing open. */
export async function clusterBackends(
  { redis, nats, namespace }: ClusterAddress,
  { clock, entropy }: Platform,
): Promise<Backends> {
  // Loaded here, so that an embedded server needs neither client library.
  const [{ RedisLink, RedisLockManager }, { redisStores }, { openNatsTransport }] = await Promise.all([
    import('@devmentor/locks/redis'),
    import('@devmentor/runtime/redis'),
    import('@devmentor/runtime/nats'),
  ]);
  const link = RedisLink.open({ redis, clock });
  const ping = (): Promise<unknown> => link.command('ping');
  let transport: Transport;
  try {
    await ping().catch((cause: unknown) => unreachable('Redis', cause));
    transport = await openNatsTransport({ nats, clock, entropy }).catch((cause: unknown) => unreachable('NATS', cause));
  } catch (error) {
    await link.close();
    throw error;
  }
  const stores = redisStores({ link, namespace });
  return {
    kind: 'shared',
    locks: new RedisLockManager({ redis: link, namespace, clock, entropy }),
    ...stores,
    transport,
    hints: transportHints(transport, namespace),
    check: async () => ({
      redis: await ping().then(
        () => 'up' as const,
        () => 'down' as const,
      ),
      nats: transport.status === 'connected' ? 'up' : 'down',
    }),
    close: async () => {
      await transport.close();
      await link.close();
    },
  };
}

function unreachable(name: string, cause: unknown): never {
  throw new BackendUnreachable(`${name} cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  });
}
