// Redis guard
//
// A Lua script is atomic, so the comparison stands in the script that writes. The highest fence
// is one string key beside the data; losing the data loses it too, and nothing else does.
import type { Admission, Guarded, StaleCounts } from './guard.ts';
import { type FencingToken, parseFence } from './lease.ts';

/**
 * Put this before a script of your own. It defines
 * `fence_admit(key, fence [, keep_ms])`: nil when the write may go on, and then the fence is
 * recorded in `key`; else the fence that was seen there.
 *
 * Call it before the first write. Redis does not undo what a failing script has done: a
 * recorded fence whose write failed turns older writers away, which is harmless.
 */
export const FENCE_LUA = `local function fence_admit(key, fence, keep_ms)
  if type(fence) ~= 'string' or #fence ~= 16 or string.find(fence, '%D') then
    error({err = 'BADFENCE a fencing token is 16 decimal digits'})
  end
  local seen = redis.call('GET', key)
  if seen then
    if #seen ~= 16 or string.find(seen, '%D') then
      error({err = 'BADFENCE ' .. key .. ' does not hold a fence'})
    end
    if fence < seen then return seen end
  end
  if keep_ms and keep_ms ~= '' then redis.call('SET', key, fence, 'PX', keep_ms)
  elseif fence ~= seen then redis.call('SET', key, fence) end
  return nil
end
`;

/** What runs scripts: a `RedisLink` of this package, or anything of this shape around another client. */
export interface RedisScripts<S = { readonly source: string; readonly sha: string }> {
  script(source: string): S;
  run(script: S, keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

export interface RedisGuardOptions {
  /**
   * How long a fence is remembered after the last write under it; by default for good, at the
   * price of one key per resource. A writer that slept longer than this is not turned away.
   */
  readonly keepMs?: number;
  readonly metrics?: StaleCounts;
}

export interface GuardedRun {
  /** The key that holds the fence; on Cluster in the slot of `keys`. See `guardKeyOf`. */
  readonly guard: string;
  readonly fence: string;
  readonly keys?: readonly string[];
  readonly args?: readonly string[];
}

/** A script of the user's, with the guard before it. */
export interface GuardedScript<S> {
  readonly composed: S;
}

/** Writes to Redis that only the newest lease can make. */
export class RedisGuard<S> {
  readonly #redis: RedisScripts<S>;
  readonly #keepMs: string;
  readonly #metrics: StaleCounts | undefined;
  readonly #set: GuardedScript<S>;
  readonly #nothing: GuardedScript<S>;

  constructor(redis: RedisScripts<S>, options: RedisGuardOptions = {}) {
    const { keepMs } = options;
    if (keepMs !== undefined && !(Number.isInteger(keepMs) && keepMs > 0))
      throw new RangeError(`keepMs ${keepMs} is not a whole number of milliseconds`);
    this.#redis = redis;
    this.#metrics = options.metrics;
    this.#keepMs = keepMs === undefined ? '' : `${keepMs}`;
    this.#set = this.script(`return redis.call('SET', KEYS[1], ARGV[1])`);
    this.#nothing = this.script('return false');
  }

  /** A Lua script that is to run behind the guard; it sees its own KEYS and ARGV. Compose it once, run it often. */
  script(body: string): GuardedScript<S> {
    const source = `${FENCE_LUA}local seen = fence_admit(KEYS[1], ARGV[1], ARGV[2])
if seen then return {'stale', seen} end
local keys, args = {}, {}
for i = 2, #KEYS do keys[i - 1] = KEYS[i] end
for i = 3, #ARGV do args[i - 2] = ARGV[i] end
local result = (function(KEYS, ARGV)
${body}
end)(keys, args)
if type(result) == 'table' and result.err then return result end
return {'written', result}`;
    return { composed: this.#redis.script(source) };
  }

  /** Runs the script iff the fence is admitted, in one atomic step with recording it. */
  async run(script: GuardedScript<S>, request: GuardedRun): Promise<Guarded<unknown>> {
    const fence = parseFence(request.fence);
    const { guard, keys = [], args = [] } = request;
    const reply = await this.#redis.run(script.composed, [guard, ...keys], [fence, this.#keepMs, ...args]);
    const [kind, value] = reply as [unknown, unknown];
    if (`${kind}` === 'stale') {
      this.#metrics?.staleWrite();
      return { kind: 'stale', resource: guard, fence, seen: `${value}` as FencingToken };
    }
    return { kind: 'written', result: value ?? null };
  }

  /** SET behind the guard that `guardKeyOf(key)` names. */
  set(key: string, value: string, fence: string): Promise<Guarded<unknown>> {
    return this.run(this.#set, { guard: guardKeyOf(key), fence, keys: [key], args: [value] });
  }

  /** Records the fence and writes nothing: shuts older writers out ahead of the first write under a new lease. */
  async admit(guard: string, fence: string): Promise<Admission> {
    const outcome = await this.run(this.#nothing, { guard, fence });
    return outcome.kind === 'stale' ? outcome : { kind: 'admitted' };
  }
}

/** Where the guard of a key is kept: `<key>:fence`, in the key's own slot of a Redis Cluster. */
export function guardKeyOf(key: string): string {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  if (open >= 0 && close > open + 1) return `${key}:fence`;
  // Without a tag the whole key is hashed; a tag around it hashes alike, unless it would end early.
  if (key === '' || key.includes('}')) throw new RangeError(`no hash tag fits around ${key}: name the guard's key`);
  return `{${key}}:fence`;
}
