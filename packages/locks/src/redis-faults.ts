import { CoordinationError } from './errors.ts';

/** What this package needs of an ioredis client, single or cluster, of any major version. */
export interface RedisPort {
  readonly status: string;
  readonly isCluster: boolean;
  /** The one connection; none on Cluster. */
  readonly stream?: { cork(): void; uncork(): void; destroy(): unknown };
  call(command: string, args: readonly (string | Buffer | number)[]): Promise<unknown>;
  /** With texts of the reply as they came. */
  callBuffer(command: string, args: readonly (string | Buffer | number)[]): Promise<unknown>;
  pipeline(): PipelinePort;
  connect(): Promise<void>;
  disconnect(): void;
  duplicate(options?: object): SubscriberPort;
  on(event: 'ready' | 'close' | 'end' | 'error', listener: () => void): unknown;
  off(event: 'ready' | 'close' | 'end' | 'error', listener: () => void): unknown;
}

/** Commands for one connection, written together. */
export interface PipelinePort {
  callBuffer(command: string, ...args: readonly (string | Buffer | number)[]): unknown;
  exec(): Promise<[Error | null, unknown][] | null>;
}

export interface SubscriberPort {
  readonly status: string;
  readonly options: object;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  connect(): Promise<void>;
  disconnect(): void;
  on(event: 'message', listener: (channel: string, payload: string) => void): unknown;
  on(event: 'ready' | 'error', listener: () => void): unknown;
}

/** The server refused the request as a whole; nothing of it ran. */
const REFUSED =
  /^(READONLY|LOADING|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|NOREPLICAS|OOM|MISCONF|BUSY|NOAUTH|NOPERM|WRONGPASS|NOSCRIPT|MOVED|ASK|CROSSSLOT|ERR max number of clients)/;
/** ioredis's words for a request it did not write. There is no code to tell it by. */
const NOT_WRITTEN =
  /Stream isn't writeable|Cluster isn't ready|None of startup nodes is available|Failed to refresh slots cache/;

/** A link that broke before ioredis noticed: the request may go, once, over the next one. */
export function isUnwritten(fault: unknown): boolean {
  return (
    fault instanceof CoordinationError &&
    fault.cause instanceof Error &&
    fault.cause.message.startsWith("Stream isn't writeable")
  );
}

/** Redis's and ioredis's errors, as one of two faults. */
export function toFault(command: string, cause: unknown): CoordinationError {
  // ioredis attaches the command with its arguments: lease ids, which no log may show.
  if (typeof cause === 'object' && cause !== null && 'command' in cause) cause.command = { name: command };
  const message = cause instanceof Error ? cause.message : String(cause);
  if (REFUSED.test(message))
    return new CoordinationError('STORE_UNAVAILABLE', `Redis refused ${command}: ${message}`, { applied: 'no', cause });
  if (NOT_WRITTEN.test(message))
    return new CoordinationError('STORE_UNAVAILABLE', `Redis cannot be reached for ${command}`, {
      applied: 'no',
      cause,
    });
  // An error that a script or command raised half-way may have left effects behind.
  if (cause instanceof Error && cause.name === 'ReplyError')
    return new CoordinationError('STORE_UNAVAILABLE', `Redis failed ${command}: ${message}`, {
      applied: 'unknown',
      cause,
    });
  return new CoordinationError('REPLY_LOST', `The reply to ${command} is lost: ${message}`, {
    applied: 'unknown',
    cause,
  });
}
