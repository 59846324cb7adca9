// The transitions of `transition.ts`, in Lua: what each command does to the record at hand.
//
// Each function is given its command's fields, in the order that `lease-store.redis-codec.ts`
// sends them, and answers with a reply: a code, a fence, or a letter and the record.
import { HOLDS } from './ended-leases.ts';
import { MAX_WAITERS, OFFER_MS } from './lease-record.ts';
import { EVENTS, HELD, parsed, RING, STATE, stateOf, taken } from './lease-script.record.ts';
import { ENDED_CODES, REPLY_CODES } from './lease-store.redis-codec.ts';

export const AWAY = '{"kind":"away"}';
const ATTACHED = '{"kind":"attached"';
const luaTable = (of: Readonly<Record<string, number>>): string =>
  `{ ${Object.entries(of)
    .map(([name, code]) => `['${name}'] = ${code}`)
    .join(', ')} }`;

/** What both files of functions name. */
export const CODES = `
local ENDED = ${luaTable(ENDED_CODES)}
`;

export const COMMANDS = `
-- What belongs to takeovers is made when one is met.
local takeovers

-- Places in the queue, by ticket, and who stands there: "ticket dead ttl" as numbers, then the
-- listener and the texts of the lease to come.
local function placeOf(ticket, request)
  return 'w' .. sub(key, #bucketKey) .. '\\0' .. format('%010d', ticket) .. request
end

local function unqueue(request)
  if waiting == 0 then return end
  local waiter = call('HGET', waitersKey, key .. '\\0' .. request)
  if not waiter then return end
  call('ZREM', namesKey, placeOf(parse('<I4', waiter), request))
  call('HDEL', waitersKey, key .. '\\0' .. request)
  waiting = waiting - 1
  if waiting == 0 then ticket = 0 end
  isChanged = true
  return waiter
end

-- The first live waiter; the dead before it are dropped.
local function head()
  while waiting > 0 do
    local from = 'w' .. sub(key, #bucketKey)
    local found = call('ZRANGEBYLEX', namesKey, '[' .. from .. '\\0', '(' .. from .. '\\1', 'LIMIT', 0, 1)[1]
    if not found then
      waiting, ticket, isChanged = 0, 0, true
      return
    end
    local request = sub(found, #from + 12)
    local waiter = call('HGET', waitersKey, key .. '\\0' .. request)
    if waiter then
      local _, dead = parse('<I4I6', waiter)
      if dead > now then return request, waiter end
      unqueue(request)
    else
      call('ZREM', namesKey, found)
    end
  end
end

-- Of the texts in hand, to whom the lease is granted; passed: JSON of whom it comes from.
local function grant(texts, ttlMs, isOffered, endMs, passed)
  shelve()
  if fading then fading[key] = nil end
  read(texts)
  fence = mint()
  ttl, granted, untilMs, gen, breaking = ttlMs, now, endMs, 1, 0
  offered, handed = isOffered and 1 or 0, passed or ''
  log(isOffered and ${EVENTS.offered} or passed and ${EVENTS['taken-over']} or ${EVENTS.claimed}, nil, fence)
end

local function requestId()
  return request == '' and lease or request
end

local function offer(listener, texts, ttlMs, standsMs, passed)
  grant(texts, ttlMs, true, now + standsMs, passed)
  if listener == '' then return end
  call('PUBLISH', ns .. ':to:' .. listener, lease .. '\\1' .. requestId() .. '\\1' .. resource .. '\\1' .. format('%d\\1%d\\1%d', fence, granted, untilMs))
end

-- Its holder may not know yet, wherever that is.
local function tellEnded(how)
  call('PUBLISH', ns .. ':look', lease .. '\\1' .. how .. '\\1' .. resource)
end

-- Ends the lease; what becomes of the resource is for the caller to say.
local function close(how, facts)
  local endedMs = now
  if how == ${EVENTS.expired} then
    endedMs = untilMs
    if offered == 1 then how = ${EVENTS.unconfirmed} end
  elseif how == ${EVENTS['handed-over']} and untilMs < now then
    endedMs = untilMs
  end
  rememberUntil(now + math.max(window, 2 * ttl))
  untilMs, offered, link, breaking, breakingText = endedMs, 0, '', 0, ''
  log(how, facts)
  if how == ${EVENTS.revoked} or how == ${EVENTS['handed-over']} or how == ${EVENTS.cancelled} then tellEnded(how) end
end

local function finish(how, facts)
  if breaking == 1 then return takeovers().pass(how, facts) end
  close(how, facts)
  local next, waiter = head()
  if not next then return end
  unqueue(next)
  local _, _, ttlMs, from = parse('<I4I6I4', waiter)
  local to = find(waiter, '\\1', from, true)
  local listener, texts = sub(waiter, from, to - 1), sub(waiter, to + 1)
  offer(listener, texts, ttlMs, ${OFFER_MS})
end

local function settle()
  if breaking == 1 then takeovers().settle() end
  if last >= ${HELD} and untilMs <= now then finish(${EVENTS.expired}) end
  if waiting > 0 then head() end
end

-- While a lease drains, nothing carries it beyond the drain.
local function extend(endMs)
  untilMs, isChanged = endMs, true
  if breaking == 1 then takeovers().cap() end
end

local function confirm()
  if offered == 0 then return end
  offered = 0
  extend(now + ttl)
  log(handed == '' and ${EVENTS.claimed} or ${EVENTS['taken-over']})
end

-- The record as it stands, behind a letter.
local function told(letter)
  if isChanged then
    put()
    isChanged = false
  end
  return letter .. raw
end

local run = {}

-- ttl, texts, wait, listener, whether the id was made for this sending
function run.q(ttlMs, texts, wait, listener, isFirst)
  ttlMs, wait = tonumber(ttlMs), tonumber(wait)
  local from, to, theirLease, theirRequest, theirHolder, theirInstance = 1
  ${['theirLease', 'theirRequest', 'theirHolder', 'theirInstance'].map((name) => taken(name, 'texts')).join('\n  ')}
  local id = theirRequest == '' and theirLease or theirRequest
  local isHeld = last >= ${HELD}
  local isTheirs = isHeld and requestId() == id
  local queued = not isTheirs and waiting > 0 and call('HGET', waitersKey, key .. '\\0' .. id)
  if not isTheirs and not queued then
    local how = endedRequest(id, isFirst == '1')
    if how then return ${REPLY_CODES.gone} + (how == ${EVENTS.unconfirmed} and ${EVENTS.expired} or how) end
  end
  if not isHeld then
    grant(texts, ttlMs, false, now + ttlMs)
    return fence
  end
  if isTheirs or (holder == theirHolder and instance == theirInstance) then
    unqueue(id)
    confirm()
    return told('h')
  end
  local position = waiting + 1
  if queued then
    local from = 'w' .. sub(key, #bucketKey)
    position = call('ZLEXCOUNT', namesKey, '[' .. from .. '\\0', '[' .. placeOf(parse('<I4', queued), id))
  end
  if wait == 0 or breaking == 1 and takeovers().isAskedBy(id) then
    unqueue(id)
    return told('b' .. pack('<I4', position))
  end
  if queued then
    local theirTicket, _, theirTtl, from = parse('<I4I6I4', queued)
    local _, theirTexts = match(queued, '^([^\\1]*)\\1(.*)$', from)
    call('HSET', waitersKey, key .. '\\0' .. id, pack('<I4I6I4', theirTicket, now + wait, theirTtl) .. listener .. '\\1' .. theirTexts)
    return told('p' .. pack('<I4', position))
  end
  if waiting >= ${MAX_WAITERS} then return told('f' .. pack('<I4', position)) end
  ticket, waiting, isChanged = ticket + 1, position, true
  call('ZADD', namesKey, 0, placeOf(ticket, id))
  call('HSET', waitersKey, key .. '\\0' .. id, pack('<I4I6I4', ticket, now + wait, ttlMs) .. listener .. '\\1' .. texts)
  return told('p' .. pack('<I4', position))
end

-- lease, ttl or 0, gen or -1
function run.n(theirs, ttlMs, theirGen)
  ttlMs, theirGen = tonumber(ttlMs), tonumber(theirGen)
  if last < ${HELD} or lease ~= theirs then return ${REPLY_CODES.ended} + endedHow(theirs) end
  if theirGen >= 0 and (theirGen ~= gen or sub(link, 1, ${ATTACHED.length}) ~= '${ATTACHED}') then return told('n') end
  if ttlMs > 0 then ttl = ttlMs end
  confirm()
  extend(now + ttl)
  if link == '${AWAY}' then
    link = ''
    log(${EVENTS.back})
  end
  return told('n')
end

-- lease, instance, link
function run.a(theirs, theirInstance, wanted)
  if last < ${HELD} or lease ~= theirs then return ${REPLY_CODES.ended} + endedHow(theirs) end
  local isAttached = sub(link, 1, ${ATTACHED.length}) == '${ATTACHED}'
  if isAttached and instance ~= theirInstance then return 'e' .. instance end
  confirm()
  local before = link
  instance, link, isChanged = theirInstance, wanted, true
  if before ~= wanted then gen = gen + 1 end
  extend(now + ttl)
  if before == '${AWAY}' then log(${EVENTS.back}) end
  local displaced = isAttached and before ~= wanted and before or ''
  return told('a' .. pack('<I4', #displaced) .. displaced)
end

-- lease, gen or -1, grace
function run.w(theirs, theirGen, grace)
  theirGen = tonumber(theirGen)
  if last < ${HELD} or lease ~= theirs then return ${REPLY_CODES.ended} + endedHow(theirs) end
  if theirGen >= 0 and theirGen ~= gen then return 's' .. format('%d', gen) end
  if link ~= '${AWAY}' then
    confirm()
    link = '${AWAY}'
    extend(now + tonumber(grace))
    log(${EVENTS.away})
  end
  return told('w')
end

-- lease, code of how it is to end, facts, 1 if it is not its holder who ends it
function run.r(theirs, how, facts, isByOther)
  if last >= ${HELD} and lease == theirs then
    how = tonumber(how)
    if isByOther == '1' and how == ${EVENTS.released} then tellEnded(how) end
    finish(how, facts)
    return ${REPLY_CODES.released}
  end
  local code = endedHow(theirs)
  if code == ENDED.released or code == ENDED.revoked then return ${REPLY_CODES.already} end
  return ${REPLY_CODES.notReleased} + code
end

-- request, resource
function run.c(theirs, named)
  if resource == '' then resource = named end
  if last >= ${HELD} and requestId() == theirs then
    finish(${EVENTS.cancelled})
    return ${REPLY_CODES.returned}
  end
  if breaking == 1 and takeovers().isAskedBy(theirs) then
    takeovers().dismiss('withdrawn')
    return ${REPLY_CODES.left}
  end
  if not unqueue(theirs) then
    local how = endedRequest(theirs)
    if how then return ${REPLY_CODES.gone} + (how == ${EVENTS.unconfirmed} and ${EVENTS.expired} or how) end
  end
  rememberRequest(theirs, ${EVENTS.cancelled})
  return ${REPLY_CODES.left}
end

-- How long a lease was held of late: the median of the last ${HOLDS}, the shorter of two in the middle.
local function usualHold()
  if forget <= now then return -1 end
  local held = {}
  local function add(code, fence, from, to)
    local isHold = fence > 0 and code > 0 and code < ${HELD} and code ~= ${EVENTS.cancelled} and code ~= ${EVENTS.unconfirmed}
    if isHold and #held < ${HOLDS} then held[#held + 1] = math.max(0, to - from) end
  end
  add(last, fence, granted, untilMs)
  flushRing()
  local n = ring < ${RING} and ring or ${RING}
  for first = 1, n, ${HOLDS} do
    if #held == ${HOLDS} then break end
    local places = {}
    for back = first, math.min(n, first + ${HOLDS - 1}) do places[#places + 1] = place(ring - back) end
    for _, raw in ipairs(call('HMGET', endedKey, unpack(places))) do
      if raw then
        ${parsed('granted')}
        add((state - ${stateOf(EVENTS.none)}) % ${STATE.hasRest}, fence, granted, untilMs)
      end
    end
  end
  table.sort(held)
  return held[math.ceil(#held / 2)] or -1
end

function run.i()
  if raw or isChanged then return told('v' .. pack('<d', usualHold())) end
  return ${REPLY_CODES.nothing}
end

-- The sweep's: what time alone has done.
function run.s()
  if not raw then
    -- Its record left by itself; how long its ring was, nobody knows.
    ring = ${RING}
    emptyRing()
    call('ZREM', dueKey, sub(key, #bucketKey))
    return ${REPLY_CODES.left}
  end
  isChanged = true
  if last < ${HELD} then
    if forget <= now then
      forgetAll()
      isChanged = false
      return ${REPLY_CODES.left}
    end
    if due > 0 then call('ZREM', namesKey, 'h' .. resource) end
    due = 0
    fading = fading or {}
    fading[key] = forget - now + window
  elseif due ~= 0 then
    -- A time that no entry comes before: it is set anew.
    due = due > 0 and ${2 ** 52} or -${2 ** 52}
  end
  return ${REPLY_CODES.left}
end
`;
