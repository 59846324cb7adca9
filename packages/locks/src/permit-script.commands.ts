// The commands of the permit script: `run[letter](pool, i)`, where the arguments begin at ARGV[i].
import { ENDED_WINDOW_MS, MAX_ENDED, MAX_WAITERS } from './lease-record.ts';
import { MAX_SHOWN } from './permit-record.ts';

export const PERMIT_COMMANDS = `
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

-- lease, how, 1 when somebody else ends it
function run.r(pool, i)
  local holder = holderOf(pool, ARGV[i])
  if holder then
    finish(pool, holder, ARGV[i + 1])
    if ARGV[i + 2] == '1' then
      call('PUBLISH', namespace .. ':permit-ended', '{"kind":"ended","resource":' .. cjson.encode(call('HGET', pool.key, 'n')) ..
        ',"leaseId":' .. cjson.encode(ARGV[i]) .. ',"how":' .. cjson.encode(ARGV[i + 1]) .. '}')
    end
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
  return { 'pool', isIdle and 0 or pool.capacity, pool.used, pool.held, pool.waiting, holders, waiters,
    call('HGET', pool.key, 'n') }
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
