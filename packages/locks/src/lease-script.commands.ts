// The transitions of `transition.ts`, in Lua: what each command does to a record.
//
// A command's fields lie in `f`, from `i` on, in the order that its `run` function names; texts
// that end up in JSON again arrive as JSON. Each answers with the JSON of its reply.
import { MAX_WAITERS, OFFER_MS } from './lease-record.ts';
import { at } from './lease-script.record.ts';

const AWAY = '{"kind":"away"}';
const ATTACHED = '{"kind":"attached"';

export const COMMANDS = `
local function logged(record, kind, how, reason, id)
  id = id or mint()
  local gen = record[${at.GEN}]
  eventN = eventN + 1
  events[eventN] = '["' .. kind .. '","' .. id .. '","' .. record[${at.CURSOR}] .. '",' .. record[${at.RESOURCE}] .. ',"' .. record[${at.LEASE}] .. '",' .. (gen == 1 and '1' or format('%d', gen))
    .. ',' .. record[${at.HOLDER}] .. ',' .. record[${at.INSTANCE}] .. ',"' .. record[${at.FENCE}] .. atText .. format('%d,%d,"', record[${at.TTL}], record[${at.UNTIL}]) .. how .. '",' .. reason .. ']'
  record[${at.CURSOR}] = id
  lastId = id
end

local function unqueue(record, request)
  if record[${at.WAITING}] == 0 or call('ZREM', prefix .. 'queue:' .. record[${at.ENC}], request) == 0 then return end
  call('HDEL', prefix .. 'waiters:' .. record[${at.ENC}], request)
  record[${at.WAITING}] = record[${at.WAITING}] - 1
  touch(record)
end

-- The first live waiter; the dead before it are dropped.
local function head(record)
  while record[${at.WAITING}] > 0 do
    local request = call('ZRANGE', prefix .. 'queue:' .. record[${at.ENC}], 0, 0)[1]
    if not request then
      record[${at.WAITING}] = 0
      return
    end
    local text = call('HGET', prefix .. 'waiters:' .. record[${at.ENC}], request)
    local waiter = text and cmsgpack.unpack(text)
    if waiter and waiter[7] > now then return request, waiter end
    unqueue(record, request)
  end
end

local function grant(record, lease, request, holder, instance, ttl, meta, offered, untilMs)
  local fence = mint()
  record[${at.LEASE}] = lease
  record[${at.REQUEST}] = request
  record[${at.HOLDER}] = holder
  record[${at.INSTANCE}] = instance
  record[${at.FENCE}] = fence
  record[${at.TTL}] = ttl
  record[${at.GRANTED}] = now
  record[${at.UNTIL}] = untilMs
  record[${at.OFFERED}] = offered
  record[${at.GEN}] = 1
  record[${at.LINK}] = ''
  record[${at.META}] = meta
  logged(record, offered == 1 and 'offered' or 'claimed', '', '""', fence)
  return fence
end

local function finish(record, how, reason)
  local ended, kind, fact, letter = now, 'released', how, how == 'revoked' and 'v' or sub(how, 1, 1)
  if how == 'expired' then
    ended, kind = record[${at.UNTIL}], 'expired'
    if record[${at.OFFERED}] == 1 then fact = 'unconfirmed' end
  end
  local forget = now + 2 * record[${at.TTL}]
  if forget < window then forget = window end
  remember(record, record[${at.REQUEST}], letter, forget, ended, record[${at.FENCE}], record[${at.LEASE}])
  record[${at.LAST_HOW}] = string.byte(letter)
  logged(record, kind, fact, reason)
  record[${at.LEASE}], record[${at.REQUEST}], record[${at.HOLDER}], record[${at.INSTANCE}], record[${at.META}], record[${at.LINK}] = '', '', '', '', '', ''
  record[${at.UNTIL}] = ended
  touch(record)
  local request, waiter = head(record)
  if not request then return end
  unqueue(record, request)
  local untilMs = now + ${OFFER_MS}
  local fence = grant(record, waiter[1], request, waiter[2], waiter[3], waiter[4], waiter[5], 1, untilMs)
  call('PUBLISH', ns .. ':to:' .. waiter[6], '{"resource":' .. record[${at.RESOURCE}] .. ',"leaseId":"' .. waiter[1] .. '","requestId":' .. cjson.encode(request) .. ',"fence":"' .. fence .. '","grantedAtMs":' .. nowText .. ',"untilMs":' .. format('%d', untilMs) .. '}')
end

local function settle(record)
  if record[${at.LEASE}] ~= '' and record[${at.UNTIL}] <= now then finish(record, 'expired', '""') end
  if record[${at.WAITING}] > 0 then head(record) end
end

local function view(record)
  local link, meta = record[${at.LINK}], record[${at.META}]
  return format('{"holder":%s,"instance":%s,"fence":"%s","gen":%d,"ttlMs":%d,"grantedAtMs":%d,"untilMs":%d,"link":%s,"offered":%s,"queue":%d%s,"cursor":"%s","leaseId":"%s","requestId":%s}',
    record[${at.HOLDER}], record[${at.INSTANCE}], record[${at.FENCE}], record[${at.GEN}], record[${at.TTL}], record[${at.GRANTED}], record[${at.UNTIL}],
    link == '' and '{"kind":"none"}' or link, record[${at.OFFERED}] == 1 and 'true' or 'false', record[${at.WAITING}],
    meta == '' and '' or ',"meta":' .. meta, record[${at.CURSOR}], record[${at.LEASE}], cjson.encode(record[${at.REQUEST}]))
end

local function confirm(record)
  if record[${at.OFFERED}] == 0 then return end
  record[${at.OFFERED}] = 0
  record[${at.UNTIL}] = now + record[${at.TTL}]
  logged(record, 'claimed', '', '""')
end

-- Who holds, without the name that is shown: quotes within are escaped, so this finds the end of the id.
local function party(holder)
  local ends = find(holder, '","name":', 1, true)
  return ends and sub(holder, 1, ends) or sub(holder, 1, -2)
end

local run = {}

-- request, lease, holder, instance, ttl, meta, wait, listener, resource
function run.q(record, i, key, enc)
  local request, holder, instance = f[i], f[i + 2], f[i + 3]
  if not record then record = fresh(key, enc, f[i + 8]) end
  local how = endedRequest(record, request)
  if how then return '["gone","' .. how .. '"]' end
  if record[${at.LEASE}] == '' then
    local ttl = tonumber(f[i + 4])
    touch(record)
    return '["granted","' .. grant(record, f[i + 1], request, holder, instance, ttl, f[i + 5], 0, now + ttl) .. '"]'
  end
  if record[${at.REQUEST}] == request or (record[${at.INSTANCE}] == instance and party(record[${at.HOLDER}]) == party(holder)) then
    unqueue(record, request)
    confirm(record)
    touch(record)
    return '["held",' .. view(record) .. ']'
  end
  local queue, waiters, waiting, wait = prefix .. 'queue:' .. enc, prefix .. 'waiters:' .. enc, record[${at.WAITING}], tonumber(f[i + 6])
  local rank = waiting > 0 and call('ZRANK', queue, request)
  if wait == 0 then
    unqueue(record, request)
    return '["busy",' .. ((rank or waiting) + 1) .. ',false,' .. view(record) .. ']'
  end
  if not rank then
    if waiting >= ${MAX_WAITERS} then return '["busy",' .. (waiting + 1) .. ',true,' .. view(record) .. ']' end
    record[${at.TICKET}] = record[${at.TICKET}] + 1
    call('ZADD', queue, record[${at.TICKET}], request)
    rank = waiting
    record[${at.WAITING}] = waiting + 1
    touch(record)
    call('HSET', waiters, request, cmsgpack.pack({ f[i + 1], holder, instance, tonumber(f[i + 4]), f[i + 5], f[i + 7], now + wait }))
  else
    local waiter = cmsgpack.unpack(call('HGET', waiters, request))
    waiter[6], waiter[7] = f[i + 7], now + wait
    call('HSET', waiters, request, cmsgpack.pack(waiter))
  end
  return '["queued",' .. (rank + 1) .. ',' .. view(record) .. ']'
end

-- lease, ttl or 0, gen or -1
function run.n(record, i)
  local lease, ttl, gen = f[i], tonumber(f[i + 1]), tonumber(f[i + 2])
  if not record or record[${at.LEASE}] ~= lease or lease == '' then return '["ended","' .. endedHow(record, lease) .. '"]' end
  local link = record[${at.LINK}]
  if gen >= 0 and (gen ~= record[${at.GEN}] or sub(link, 1, ${ATTACHED.length}) ~= '${ATTACHED}') then return '["renewed",' .. view(record) .. ']' end
  if ttl > 0 then record[${at.TTL}] = ttl end
  confirm(record)
  record[${at.UNTIL}] = now + record[${at.TTL}]
  if link == '${AWAY}' then
    record[${at.LINK}] = ''
    logged(record, 'back', '', '""')
  end
  touch(record)
  return '["renewed",' .. view(record) .. ']'
end

-- lease, instance, link
function run.t(record, i)
  local lease, instance, wanted = f[i], f[i + 1], f[i + 2]
  if not record or record[${at.LEASE}] ~= lease or lease == '' then return '["ended","' .. endedHow(record, lease) .. '"]' end
  local link, displaced = record[${at.LINK}], '""'
  local isAttached = sub(link, 1, ${ATTACHED.length}) == '${ATTACHED}'
  if isAttached and record[${at.INSTANCE}] ~= instance then return '["attached-elsewhere",' .. record[${at.INSTANCE}] .. ']' end
  confirm(record)
  record[${at.INSTANCE}] = instance
  if link ~= wanted then
    record[${at.GEN}] = record[${at.GEN}] + 1
    if isAttached then displaced = link end
  end
  record[${at.LINK}] = wanted
  record[${at.UNTIL}] = now + record[${at.TTL}]
  if link == '${AWAY}' then logged(record, 'back', '', '""') end
  touch(record)
  return '["attached",' .. view(record) .. ',' .. displaced .. ']'
end

-- lease, gen or -1, grace
function run.w(record, i)
  local lease, gen = f[i], tonumber(f[i + 1])
  if not record or record[${at.LEASE}] ~= lease or lease == '' then return '["ended","' .. endedHow(record, lease) .. '"]' end
  if gen >= 0 and gen ~= record[${at.GEN}] then return '["stale",' .. format('%d', record[${at.GEN}]) .. ']' end
  if record[${at.LINK}] ~= '${AWAY}' then
    confirm(record)
    record[${at.LINK}] = '${AWAY}'
    record[${at.UNTIL}] = now + tonumber(f[i + 2])
    logged(record, 'away', '', '""')
    touch(record)
  end
  return '["away",' .. view(record) .. ']'
end

-- lease, how, reason
function run.r(record, i)
  local lease = f[i]
  if record and record[${at.LEASE}] == lease and lease ~= '' then
    finish(record, f[i + 1], f[i + 2])
    return '["released"]'
  end
  local how = endedHow(record, lease)
  return (how == 'released' or how == 'revoked') and '["already"]' or '["' .. how .. '"]'
end

-- request, resource
function run.c(record, i, key, enc)
  local request = f[i]
  if not record then record = fresh(key, enc, f[i + 1]) end
  local how = endedRequest(record, request)
  if how then return '["gone","' .. how .. '"]' end
  if record[${at.LEASE}] ~= '' and record[${at.REQUEST}] == request then
    finish(record, 'cancelled', '""')
    return '["returned"]'
  end
  unqueue(record, request)
  remember(record, request, 'c', window, now, '0000000000000000', '')
  touch(record)
  return '["left"]'
end

function run.i(record)
  if not record then return '["free","",0,""]' end
  if record[${at.LEASE}] ~= '' then return '["view",' .. view(record) .. ']' end
  local last, how = '""', record[${at.LAST_HOW}]
  if how ~= 0 then last = format('{"fence":"%s","how":"%s","atMs":%d}', record[${at.FENCE}], HOW[string.char(how)], record[${at.UNTIL}]) end
  return format('["free","%s",%d,%s]', record[${at.CURSOR}], record[${at.WAITING}], last)
end
`;
