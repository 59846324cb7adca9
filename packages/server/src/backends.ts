// Where a server keeps its state and how it talks to the others: one process's memory, a folder of
// its own, or Redis and NATS, beside them PostgreSQL. Nothing above this file knows which.
import { type BoardStore, MemoryBoardStore } from '@devmentor/agents';
import { type Clock, CoordinationError, type Entropy, type LockManager } from '@devmentor/locks';
import { MemoryLockManager } from '@devmentor/locks/memory';
import {
  type LogStore,
  MemoryBus,
  MemoryLogStore,
  MemoryRecordStore,
  MemoryStateStore,
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
  readonly boards: BoardStore;
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

/** Where state was to live cannot be used, and another start would end the same way. */
export class BackendUnusable extends Error {
  override readonly name = 'BackendUnusable';
}

export function memoryBackends({ clock, entropy }: Platform): Backends {
  const transport = new MemoryBus(clock).connect();
  const log = new MemoryLogStore({ clock });
  const state = new HintingStateStore(new MemoryStateStore({ clock, log }));
  return {
    kind: 'alone',
    locks: new MemoryLockManager({ clock, entropy }),
    state,
    hints: state,
    log,
    records: new MemoryRecordStore({ clock }),
    boards: new MemoryBoardStore({ clock }),
    transport,
    check: async () => ({ memory: 'up' }),
    close: () => transport.close(),
  };
}

/**
 * Everything durable in one folder, which is this process's alone until it ends. Claims end with
 * the process; the next one grants none with a fence below what the folder has seen.
 *
 * @throws BackendUnusable when another process has the folder, naming it, or it cannot be used
 */
export async function dataBackends(dir: string, { clock, entropy }: Platform): Promise<Backends> {
  // Loaded here, so that a server without a folder needs no SQLite.
  const [{ DataDirFault, sqliteStores }, { SqliteBoardStore }] = await Promise.all([
    import('@devmentor/runtime/sqlite'),
    import('@devmentor/agents/sqlite'),
  ]);
  try {
    const { database, state: stored, log, records } = sqliteStores({ dir, clock });
    const transport = new MemoryBus(clock).connect();
    const state = new HintingStateStore(stored);
    return {
      kind: 'alone',
      locks: new MemoryLockManager({ clock, entropy, fenceFloor: database.highestFence() }),
      state,
      hints: state,
      log,
      records,
      boards: new SqliteBoardStore(database),
      transport,
      check: async () => ({ sqlite: answers(() => database.highestFence()) }),
      close: async () => {
        await transport.close();
        database.close();
      },
    };
  } catch (error) {
    if (error instanceof DataDirFault) throw new BackendUnusable(error.message, { cause: error });
    throw error;
  }
}

function answers(read: () => unknown): 'up' | 'down' {
  try {
    read();
    return 'up';
  } catch {
    return 'down';
  }
}

export interface ClusterAddress {
  readonly redis: string;
  readonly nats: string;
  /** Keeps users, projects, sessions and all other records; claims and boards stay in Redis. */
  readonly postgres?: string;
  readonly namespace: string;
}

/**
 * Connects to all of them, or leaves nothing open.
 *
 * @throws BackendUnreachable when one does not answer
 * @throws BackendUnusable when PostgreSQL refuses, or cannot hold what is to be stored
 */
export async function clusterBackends(
  { redis, nats, postgres, namespace }: ClusterAddress,
  { clock, entropy }: Platform,
): Promise<Backends> {
  // Loaded here, so that an embedded server needs neither client library.
  const [{ RedisLink, RedisLockManager }, { RedisNamespace, redisStores }, { openNatsTransport }, { RedisBoardStore }] =
    await Promise.all([
      import('@devmentor/locks/redis'),
      import('@devmentor/runtime/redis'),
      import('@devmentor/runtime/nats'),
      import('@devmentor/agents/redis'),
    ]);
  const opened: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of opened.reverse()) await one();
  };
  try {
    const link = RedisLink.open({ redis, clock });
    opened.push(() => link.close());
    const ping = (): Promise<unknown> => link.command('ping');
    await ping().catch((cause: unknown) => unreachable('Redis', redis, cause));
    const transport = await openNatsTransport({ nats, clock, entropy }).catch((cause: unknown) =>
      unreachable('NATS', nats, cause),
    );
    opened.push(() => transport.close());
    const database = postgres === undefined ? undefined : await openPostgres({ postgres, namespace, clock });
    if (database !== undefined) opened.push(database.close);
    return {
      kind: 'shared',
      locks: new RedisLockManager({ redis: link, namespace, clock, entropy }),
      ...(database?.stores ?? redisStores({ link, namespace })),
      boards: new RedisBoardStore(new RedisNamespace({ link, namespace })),
      transport,
      hints: transportHints(transport, namespace),
      check: async () => ({
        redis: await upOrDown(ping()),
        nats: transport.status === 'connected' ? 'up' : 'down',
        ...(database !== undefined && { postgres: await upOrDown(database.ping()) }),
      }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Records {
  readonly stores: { readonly state: StateStore; readonly log: LogStore; readonly records: RecordStore };
  ping(): Promise<void>;
  readonly close: () => Promise<void>;
}

async function openPostgres(options: {
  readonly postgres: string;
  readonly namespace: string;
  readonly clock: Clock;
}): Promise<Records> {
  // Loaded here, so that a server without it needs no client library.
  const { postgresStores } = await import('@devmentor/runtime/postgres');
  try {
    const { database, ...stores } = await postgresStores(options);
    return { stores, ping: () => database.ping(), close: () => database.close() };
  } catch (error) {
    if (!(error instanceof CoordinationError)) throw error;
    if (error.code === 'STORE_UNAVAILABLE' || error.code === 'REPLY_LOST')
      throw new BackendUnreachable(error.message, { cause: error });
    throw new BackendUnusable(error.message, { cause: error });
  }
}

async function upOrDown(answer: Promise<unknown>): Promise<'up' | 'down'> {
  return answer.then(
    () => 'up',
    () => 'down',
  );
}

/** Says which address was tried: of the URL no more than that, since the rest may be secret. */
function unreachable(name: string, url: string, cause: unknown): never {
  const at = URL.parse(url)?.host ?? 'its address';
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new BackendUnreachable(`${name} at ${at}: ${why}`, { cause });
}
