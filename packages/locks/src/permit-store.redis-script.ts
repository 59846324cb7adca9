// The permit script
//
// Every transition of `permit-transition.ts`, in Lua, for a batch of commands on pools of one
// bucket. The two say the same; the differential test holds them to it.
//
// KEYS: the bucket's `pool-due`, then three per command: `pool`, `pool-ends` and `pool-line` of
// its pool, all in the bucket's hash tag.
//   pool-due            sorted set, encoded resource -> when the sweep has to look, or earlier
//   pool-ends:<enc>     sorted set, lease id -> end of its term
//   pool-line:<enc>     sorted set, request id -> ticket
//   pool:<enc>          hash: `h` the header, `n` the resource; `l<lease>` a holder, `q<request>`
//                       its lease id; `w<request>` a waiter; `s<n>` an ended lease in place n of a
//                       ring, `e<request>` and `d<lease>` its place
//
// ARGV: namespace, [time], then per command its letter, encoded resource and arguments. What is
// only passed on (holder, instance, meta) is JSON that the script never looks into. The answer:
// [server ms, [reply, …]], in the order of the commands.
//
// The header's `due` is never later than the moment at which time alone changes the pool: before
// it nothing has to be looked for. Physical expiry is later than anything that counts until then.

import { ENDED_WINDOW_MS, MAX_ENDED, MAX_WAITERS, OFFER_MS } from './lease-record.ts';
import { MAX_HOLDERS, MAX_SHOWN } from './permit-record.ts';

/** How many arguments follow the letter and the encoded resource. */
export const PERMIT_WIDTHS = { q: 9, n: 2, u: 4, r: 2, c: 1, i: 0, s: 0 } as const;
export type PermitLetter = keyof typeof PERMIT_WIDTHS;

/** Time from the server. */
export const PERMIT_SERVER_TIME = `local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
`;
/** Time from ARGV[2], in microseconds. */
export const PERMIT_GIVEN_TIME = `local us = tonumber(ARGV[2])
`;

const DUE = `local now, out = math.floor(us / 1000), {}
for i, key in ipairs(KEYS) do out[i] = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, ARGV[1]) end
return out
`;

/** Encoded resources of the pools that a sweep has to look at, at most ARGV[1] per key. */
export function duePoolsScript(prelude: string): string {
  return prelude + DUE;
}

export function permitScript(prelude: string): string {
  return prelude + POOL + CHANGES + COMMANDS + BATCH;
}

const POOL = `
local call, format, unpack_, pack_ = redis.call, string.format, cmsgpack.unpack, cmsgpack.pack
local now = math.floor(us / 1000)
local dueKey, namespace = KEYS[1], ARGV[1]
local pools, order = {}, {}

local function open(i)
  local key = KEYS[i]
  local pool = pools[key]
  if pool then return pool end
  local text = call('HGET', key, 'h')
  if text then
    local h = unpack_(text)
    if h[1] ~= 1 then error('the record of a pool has version ' .. tostring(h[1]) .. '; this code knows 1') end
    pool = { capacity = h[2], used = h[3], held = h[4], waiting = h[5], ticket = h[6], fence = h[7], place = h[8],
      ended = h[9], forget = h[10], last = h[11], kept = h[12], due = h[13], named = h[14], stored = h[13] }
  else
    pool = { capacity = 0, used = 0, held = 0, waiting = 0, ticket = 0, fence = 0, place = 0, ended = 0,
      forget = 0, last = 0, kept = 0, due = 0, named = 0, stored = 0 }
  end
  pool.isNew = not text
  pool.key, pool.ends, pool.line = key, KEYS[i + 1], KEYS[i + 2]
  pools[key] = pool
  order[#order + 1] = pool
  return pool
end

local function touch(pool)
  if pool.isNew and not pool.isDirty then call('DEL', pool.ends, pool.line) end
  pool.isDirty = true
end

local function sooner(pool, at)
  if pool.due == 0 or at < pool.due then pool.due = at end
  if at > pool.last then pool.last = at end
end

-- Writes what changed; physical expiry moves in long steps, not with every renewal.
local function close(pool)
  if not pool.isDirty then return end
  if pool.held == 0 and pool.waiting == 0 and pool.ended == 0 then
    call('DEL', pool.key, pool.ends, pool.line)
    call('ZREM', dueKey, pool.enc)
    return
  end
  -- An earlier one may stand: who looks then sets it anew. That is cheaper than moving it with every lease.
  if pool.due == 0 then pool.due = pool.forget end
  if pool.due ~= pool.stored then call('ZADD', dueKey, pool.due, pool.enc) end
  local live = math.max(pool.forget, pool.last)
  local isLater = live + 60000 > pool.kept
  if isLater then pool.kept = live + ${ENDED_WINDOW_MS} end
  call('HSET', pool.key, 'h', pack_({ 1, pool.capacity, pool.used, pool.held, pool.waiting, pool.ticket, pool.fence,
    pool.place, pool.ended, pool.forget, pool.last, pool.kept, pool.due, pool.named }))
  if not isLater and not pool.isFirst and not pool.isLined then return end
  local ms = format('%.0f', pool.kept - now)
  if isLater then call('PEXPIRE', pool.key, ms) end
  if isLater or pool.isFirst then call('PEXPIRE', pool.ends, ms) end
  if isLater or pool.isLined then call('PEXPIRE', pool.line, ms) end
end

local function holderOf(pool, lease)
  local text = call('HGET', pool.key, 'l' .. lease)
  if not text then return end
  local l = unpack_(text)
  return { lease = lease, request = l[1], facts = l[2], weight = l[3], ttl = l[4], granted = l[5], till = l[6],
    fence = l[7], offered = l[8] }
end

-- What else is to be set with it, if anything: a field and its value.
local function put(pool, holder, ...)
  touch(pool)
  call('HSET', pool.key, 'l' .. holder.lease, pack_({ holder.request, holder.facts, holder.weight, holder.ttl,
    holder.granted, holder.till, holder.fence, holder.offered }), ...)
  call('ZADD', pool.ends, holder.till, holder.lease)
  sooner(pool, holder.till)
end

local function view(pool, holder)
  return { holder.lease, holder.request, holder.facts, holder.weight, holder.ttl, holder.granted, holder.till,
    holder.fence, holder.offered, pool.waiting }
end

local function firstToLapse(pool)
  return view(pool, holderOf(pool, call('ZRANGE', pool.ends, 0, 0)[1]))
end
`;

const CHANGES = `
local function forgetPlace(pool, place)
  local text = call('HGET', pool.key, 's' .. place)
  if not text then return end
  local one, fields = unpack_(text), { 's' .. place }
  -- A request may come again once its window is over: then its names stand for a later place.
  for _, field in ipairs({ 'e' .. one[1], 'd' .. one[2] }) do
    if tonumber(call('HGET', pool.key, field) or -1) == place then fields[#fields + 1] = field end
  end
  call('HDEL', pool.key, unpack(fields))
end

-- How a request's lease ended: a ring of ${MAX_ENDED}.
local function remember(pool, request, lease, how, forget)
  local place = pool.place
  if pool.ended == ${MAX_ENDED} then forgetPlace(pool, place) else pool.ended = pool.ended + 1 end
  pool.place = (place + 1) % ${MAX_ENDED}
  local text = pack_({ request, lease, how, forget, pool.fence })
  if lease == '' then
    call('HSET', pool.key, 's' .. place, text, 'e' .. request, place)
  else
    call('HSET', pool.key, 's' .. place, text, 'e' .. request, place, 'd' .. lease, place)
  end
  if forget > pool.forget then pool.forget = forget end
  touch(pool)
end

-- What ended in a place, within its window.
local function endedAt(pool, place)
  local text = place and call('HGET', pool.key, 's' .. place)
  if not text then return end
  local one = unpack_(text)
  if one[4] > now then return one end
end

-- How a lease ended, as its former holder is told.
local function endedHow(pool, lease)
  local one = lease ~= '' and endedAt(pool, call('HGET', pool.key, 'd' .. lease))
  if not one then return 'unknown' end
  local how = one[3]
  if how == 'released' or how == 'cancelled' then return 'released' end
  if how == 'revoked' then return 'revoked' end
  return pool.fence > one[5] and 'superseded' or 'expired'
end

local function finish(pool, holder, how)
  call('HDEL', pool.key, 'l' .. holder.lease, 'q' .. holder.request)
  call('ZREM', pool.ends, holder.lease)
  pool.used, pool.held = pool.used - holder.weight, pool.held - 1
  remember(pool, holder.request, holder.lease, how, now + math.max(${ENDED_WINDOW_MS}, 2 * holder.ttl))
end

local function grant(pool, claim, offered, till)
  pool.fence = math.max(pool.fence + 1, us)
  pool.used, pool.held = pool.used + claim.weight, pool.held + 1
  if pool.held == 1 then pool.isFirst = true end
  local holder = { lease = claim.lease, request = claim.request, facts = claim.facts, weight = claim.weight,
    ttl = claim.ttl, granted = now, till = till, fence = pool.fence, offered = offered }
  put(pool, holder, 'q' .. claim.request, claim.lease)
  return holder
end

local function grantNow(pool, claim)
  local holder = grant(pool, claim, 0, now + claim.ttl)
  return { 'granted', holder.fence, holder.till }
end

local function confirm(pool, holder)
  if holder.offered == 1 then
    holder.offered, holder.till = 0, now + holder.ttl
    put(pool, holder)
  end
  return holder
end

local function fits(pool, weight)
  return pool.held < ${MAX_HOLDERS} and pool.used + weight <= pool.capacity
end

local function leave(pool, request)
  if call('ZREM', pool.line, request) == 0 then return end
  call('HDEL', pool.key, 'w' .. request)
  pool.waiting = pool.waiting - 1
  touch(pool)
end

-- Offers what is free to those in line, in order, up to the first that does not fit.
local function offerNext(pool)
  while pool.waiting > 0 do
    local request = call('ZRANGE', pool.line, 0, 0)[1]
    local waiter = unpack_(call('HGET', pool.key, 'w' .. request))
    local isAlive = waiter.dead > now
    if isAlive and not fits(pool, waiter.weight) then
      sooner(pool, waiter.dead)
      return
    end
    leave(pool, request)
    if isAlive then
      waiter.request = request
      local holder = grant(pool, waiter, 1, now + ${OFFER_MS})
      call('PUBLISH', namespace .. ':permit:' .. waiter.listener,
        '{"resource":' .. cjson.encode(call('HGET', pool.key, 'n')) .. ',"leaseId":' .. cjson.encode(waiter.lease) ..
        ',"requestId":' .. cjson.encode(request) .. format(',"fence":"%016.0f","grantedAtMs":%.0f,"untilMs":%.0f}', holder.fence, now, holder.till))
    end
  end
end

local function settle(pool)
  if pool.due == 0 or now < pool.due then return end
  local lapsed = call('ZRANGEBYSCORE', pool.ends, '-inf', now)
  for _, lease in ipairs(lapsed) do finish(pool, holderOf(pool, lease), 'expired') end
  pool.due = 0
  local first = call('ZRANGE', pool.ends, 0, 0, 'WITHSCORES')[2]
  if first then sooner(pool, tonumber(first)) end
  touch(pool)
  offerNext(pool)
end
`;

const COMMANDS = `
local run = {}

-- The answer to a request that was granted before, ended or not.
local function known(pool, request)
  local found = call('HMGET', pool.key, 'e' .. request, 'q' .. request)
  local one, lease = endedAt(pool, found[1]), found[2]
  if one then return { 'gone', one[3] } end
  if lease then return { 'held', view(pool, confirm(pool, holderOf(pool, lease))) } end
end

-- request, lease, capacity, weight, facts, ttl, wait, listener, resource
function run.q(pool, i)
  local request, capacity, weight, wait = ARGV[i], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 6])
  local before = known(pool, request)
  if before then return before end
  if pool.held == 0 and pool.waiting == 0 then
    if pool.named == 0 then call('HSET', pool.key, 'n', ARGV[i + 8]) end
    pool.named, pool.capacity = 1, capacity
  end
  if pool.capacity ~= capacity then return { 'capacity', pool.capacity } end
  local claim = { request = request, lease = ARGV[i + 1], weight = weight, facts = ARGV[i + 4], ttl = tonumber(ARGV[i + 5]) }
  if pool.waiting == 0 and fits(pool, weight) then return grantNow(pool, claim) end
  local rank = call('ZRANK', pool.line, request)
  local position = (rank or pool.waiting) + 1
  if wait == 0 then
    if rank then
      leave(pool, request)
      offerNext(pool)
    end
    return { 'busy', position, 0, firstToLapse(pool) }
  end
  if rank then
    claim = unpack_(call('HGET', pool.key, 'w' .. request))
  else
    if pool.waiting >= ${MAX_WAITERS} then return { 'busy', position, 1, firstToLapse(pool) } end
    pool.ticket, pool.waiting = pool.ticket + 1, pool.waiting + 1
    if pool.waiting == 1 then pool.isLined = true end
    call('ZADD', pool.line, format('%.0f', pool.ticket), request)
  end
  claim.listener, claim.dead = ARGV[i + 7], now + wait
  claim.request = nil
  call('HSET', pool.key, 'w' .. request, pack_(claim))
  touch(pool)
  sooner(pool, claim.dead)
  return { 'queued', position, firstToLapse(pool) }
end

-- lease, ttl or 0
function run.n(pool, i)
  local holder, ttl = holderOf(pool, ARGV[i]), tonumber(ARGV[i + 1])
  if not holder then return { 'ended', endedHow(pool, ARGV[i]) } end
  if ttl > 0 then holder.ttl = ttl end
  holder.offered, holder.till = 0, now + holder.ttl
  put(pool, holder)
  return { 'renewed', view(pool, holder) }
end

-- lease, weight, lease and request of the one in its place
function run.u(pool, i)
  local before = known(pool, ARGV[i + 3])
  if before then return before end
  local holder, weight = holderOf(pool, ARGV[i]), tonumber(ARGV[i + 1])
  if not holder then return { 'ended', endedHow(pool, ARGV[i]) } end
  if weight <= holder.weight then
    confirm(pool, holder)
    pool.used = pool.used + weight - holder.weight
    holder.weight = weight
    put(pool, holder)
    offerNext(pool)
    return { 'lowered', view(pool, holder) }
  end
  if pool.held > 1 then return { 'shared', pool.held - 1 } end
  finish(pool, holder, 'released')
  holder.lease, holder.request, holder.weight = ARGV[i + 2], ARGV[i + 3], math.min(weight, pool.capacity)
  return grantNow(pool, holder)
end

-- lease, how
function run.r(pool, i)
  local holder = holderOf(pool, ARGV[i])
  if holder then
    finish(pool, holder, ARGV[i + 1])
    offerNext(pool)
    return { 'released' }
  end
  local how = endedHow(pool, ARGV[i])
  return { (how == 'released' or how == 'revoked') and 'already' or how }
end

-- request
function run.c(pool, i)
  local request = ARGV[i]
  local found = call('HMGET', pool.key, 'e' .. request, 'q' .. request)
  local one, lease = endedAt(pool, found[1]), found[2]
  if one then return { 'gone', one[3] } end
  if lease then
    finish(pool, holderOf(pool, lease), 'cancelled')
    offerNext(pool)
    return { 'returned' }
  end
  remember(pool, request, '', 'cancelled', now + ${ENDED_WINDOW_MS})
  leave(pool, request)
  offerNext(pool)
  return { 'left' }
end

function run.i(pool)
  local holders, waiters = {}, {}
  for n, lease in ipairs(call('ZRANGE', pool.ends, 0, ${MAX_SHOWN - 1})) do holders[n] = view(pool, holderOf(pool, lease)) end
  for n, request in ipairs(call('ZRANGE', pool.line, 0, ${MAX_SHOWN - 1})) do
    local waiter = unpack_(call('HGET', pool.key, 'w' .. request))
    waiters[n] = { waiter.facts, waiter.weight }
  end
  local isIdle = pool.held == 0 and pool.waiting == 0
  return { 'pool', isIdle and 0 or pool.capacity, pool.used, pool.held, pool.waiting, holders, waiters }
end

-- Lets go of what is past its window.
function run.s(pool)
  if pool.ended > 0 and pool.forget <= now then
    if pool.held + pool.waiting > 0 then
      for place = 0, ${MAX_ENDED - 1} do forgetPlace(pool, place) end
    else
      -- At once: a later command of this call may use the pool anew.
      call('DEL', pool.key)
      pool.named, pool.kept = 0, 0
    end
    pool.ended, pool.place = 0, 0
    touch(pool)
  end
  if pool.isNew then call('ZREM', dueKey, pool.enc) end
  return { 'settled' }
end
`;

const BATCH = `
local widths = { ${Object.entries(PERMIT_WIDTHS)
  .map(([letter, width]) => `${letter} = ${width}`)
  .join(', ')} }
local replies, i, n = {}, 3, 0
while ARGV[i] do
  local pool, letter = open(2 + 3 * n), ARGV[i]
  pool.enc = ARGV[i + 1]
  settle(pool)
  n = n + 1
  replies[n] = run[letter](pool, i + 2)
  i = i + 2 + widths[letter]
end
for _, pool in ipairs(order) do close(pool) end
return { now, replies }
`;
