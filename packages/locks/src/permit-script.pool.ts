// A pool's record, as the permit script reads and changes it: holders, queue, what has ended.
import { ENDED_WINDOW_MS, MAX_ENDED, OFFER_MS } from './lease-record.ts';
import { NO_POOL_EVENTS, NOTE_POOL_EVENTS } from './permit-log.ts';
import { MAX_HOLDERS } from './permit-record.ts';

export const poolScript = (isLogged: boolean): string => `
local call, format, unpack_, pack_ = redis.call, string.format, cmsgpack.unpack, cmsgpack.pack
local now = math.floor(us / 1000)
local dueKey, logKey, namespace = KEYS[1], KEYS[2], ARGV[1]
local pools, order = {}, {}
${isLogged ? NOTE_POOL_EVENTS : NO_POOL_EVENTS}

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
  note(pool, holder, how == 'expired' and how or 'released', how, how == 'expired' and holder.till or now)
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
  note(pool, holder, offered == 1 and 'offered' or 'claimed', '', now)
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
