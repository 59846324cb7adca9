import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { RedisLink } from './redis-link.ts';

const RECONNECT_LONGEST_MS = 500;
/** With TLS and a name to look up. */
const SHORTEST_CONNECT_MS = 1_000;

/**
 * Settings under which ioredis neither repeats a request nor hides that its fate is unknown.
 *
 * Its defaults resend unanswered commands after a reconnect (a claim would be made twice),
 * queue commands while offline (a claim would be made later than it counts from), and wait for
 * ever for a peer that stopped answering without closing.
 */
export function safeRedisOptions(commandTimeoutMs: number) {
  return {
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    socketTimeout: commandTimeoutMs * 2,
    connectTimeout: Math.max(SHORTEST_CONNECT_MS, commandTimeoutMs * 2),
    retryStrategy: (attempt: number) => Math.min(RECONNECT_LONGEST_MS, 20 * 2 ** Math.min(attempt, 5)),
  } satisfies RedisOptions;
}

/**
 * The same for a `Cluster`: none of its own repetitions either.
 *
 * The queue is on, unlike for a single server. A cluster's client connects to a node when the first
 * command goes there, and keeps a queue per node meanwhile, whatever it is told. Without its own it
 * would refuse the second command with `Connection is closed`, which is also what it says of a
 * command that was written and not answered: nobody could tell `applied: 'no'` from `'unknown'`.
 * Waiting for `ready` of every node first would only make that rarer, since nodes come and go.
 * What is queued leaves in the order it came within `connectTimeout`, or never: a claim that comes
 * late counts from when it was made, and what takes it back stands behind it.
 */
export function safeClusterOptions(commandTimeoutMs: number) {
  return {
    enableOfflineQueue: true,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    redisOptions: safeRedisOptions(commandTimeoutMs),
  } satisfies ClusterOptions;
}

export interface ServerWarning {
  readonly setting: string;
  readonly found: string;
  /** What goes wrong, and the directive that puts it right. */
  readonly message: string;
}

/** Safe all the same: the holder knows by its own clock when such a lease ends. */
export function shortTerm(ttlMs: number, commandTimeoutMs: number): ServerWarning {
  return {
    setting: 'commandTimeoutMs',
    found: `${commandTimeoutMs}`,
    message: `A term of ${ttlMs} ms is lost with one answer to a renewal that takes commandTimeoutMs ${commandTimeoutMs}: set commandTimeoutMs to ${Math.max(10, Math.floor(ttlMs / 3))}, or ttlMs to ${3 * commandTimeoutMs} or more`,
  };
}

/** Reads the server's settings and warns of those under which acknowledged grants can be lost. */
export async function checkRedisServer(link: RedisLink, warn: (warning: ServerWarning) => void): Promise<void> {
  const info = String(await link.command('info', 'server'));
  const version = /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
  if (Number.parseInt(version, 10) < 7)
    warn({ setting: 'version', found: version, message: `Redis ${version} is not supported: run 7.0 or later` });
  const settings = await readSettings(link);
  if (settings === undefined) {
    warn({
      setting: 'CONFIG',
      found: 'refused',
      message:
        'CONFIG GET is refused, so durability and eviction are unchecked: allow it, or verify maxmemory-policy noeviction, appendonly yes and appendfsync always yourself',
    });
    return;
  }
  const policy = settings.get('maxmemory-policy') ?? '';
  if (policy !== 'noeviction')
    warn({
      setting: 'maxmemory-policy',
      found: policy,
      message: `maxmemory-policy ${policy} may evict lease records: set maxmemory-policy noeviction`,
    });
  const appendonly = settings.get('appendonly') ?? '';
  const fsync = settings.get('appendfsync') ?? '';
  if (appendonly !== 'yes')
    warn({
      setting: 'appendonly',
      found: appendonly,
      message: 'appendonly no: a restart of Redis forgets every lease: set appendonly yes and appendfsync always',
    });
  else if (fsync !== 'always')
    warn({
      setting: 'appendfsync',
      found: fsync,
      message: `appendfsync ${fsync} may lose the last second of grants in a power cut: set appendfsync always`,
    });
}

async function readSettings(link: RedisLink): Promise<Map<string, string> | undefined> {
  const settings = new Map<string, string>();
  for (const name of ['maxmemory-policy', 'appendonly', 'appendfsync']) {
    let reply: unknown;
    try {
      reply = await link.command('config', 'get', name);
    } catch {
      return undefined;
    }
    // RESP2 answers [name, value], RESP3 a map that ioredis may hand over as an object.
    if (Array.isArray(reply)) settings.set(name, String(reply[1]));
    else if (typeof reply === 'object' && reply !== null) settings.set(name, String(Object.values(reply)[0]));
  }
  return settings;
}
