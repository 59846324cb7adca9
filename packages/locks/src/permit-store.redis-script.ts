// The permit script
//
// Every transition of `permit-transition.ts`, in Lua, for a batch of commands on pools of one
// bucket. The two say the same; the differential test holds them to it.
//
// KEYS: the bucket's `pool-due` and `pool-log`, then three per command: `pool`, `pool-ends` and `pool-line` of
// its pool, all in the bucket's hash tag.
//   pool-due            sorted set, encoded resource -> when the sweep has to look, or earlier
//   pool-log            list: the latest events, packed
//   pool-ends:<enc>     sorted set, lease id -> end of its term
//   pool-line:<enc>     sorted set, request id -> ticket
//   pool:<enc>          hash: `h` the header, `n` the resource; `l<lease>` a holder, `q<request>`
//                       its lease id; `w<request>` a waiter; `s<n>` an ended lease in place n of a
//                       ring, `e<request>` and `d<lease>` its place
//
// ARGV: namespace, then per command its letter, encoded resource and arguments. What is
// only passed on (holder, instance, meta) is JSON that the script never looks into. The answer:
// [server ms, [reply, …]], in the order of the commands.
//
// The header's `due` is never later than the moment at which time alone changes the pool: before
// it nothing has to be looked for. Physical expiry is later than anything that counts until then.

import { PERMIT_COMMANDS } from './permit-script.commands.ts';
import { poolScript } from './permit-script.pool.ts';

/** How many arguments follow the letter and the encoded resource. */
export const PERMIT_WIDTHS = { q: 9, n: 2, u: 4, r: 3, c: 1, i: 0, s: 0 } as const;
export type PermitLetter = keyof typeof PERMIT_WIDTHS;

/** Encoded resources of all pools that are remembered. */
export const POOL_NAMES = `local out = {}
for i, key in ipairs(KEYS) do out[i] = redis.call('ZRANGE', key, 0, -1) end
return out
`;

const DUE = `local now, out = math.floor(us / 1000), {}
for i, key in ipairs(KEYS) do out[i] = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, ARGV[1]) end
return out
`;

/** Encoded resources of the pools that a sweep has to look at, at most ARGV[1] per key. */
export function duePoolsScript(prelude: string): string {
  return prelude + DUE;
}

export function permitScript(prelude: string, isLogged: boolean): string {
  return prelude + poolScript(isLogged) + PERMIT_COMMANDS + BATCH;
}

const BATCH = `
local widths = { ${Object.entries(PERMIT_WIDTHS)
  .map(([letter, width]) => `${letter} = ${width}`)
  .join(', ')} }
local replies, i, n = {}, 2, 0
while ARGV[i] do
  local pool, letter = open(3 + 3 * n), ARGV[i]
  pool.enc = ARGV[i + 1]
  settle(pool)
  n = n + 1
  replies[n] = run[letter](pool, i + 2)
  i = i + 2 + widths[letter]
end
writeEvents()
for _, pool in ipairs(order) do close(pool) end
return { now, replies }
`;
