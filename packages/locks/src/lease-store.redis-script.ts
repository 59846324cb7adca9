// The lease script
//
// Every transition of `transition.ts`, in Lua, for a batch of commands: one reading of all
// records, one writing, one event entry per bucket. The two say the same; the differential
// test holds them to it.
//
// Keys of bucket n, all in the hash tag {b<n>}, so that a batch of one bucket runs on Cluster:
//   bucket          "<count> <last event id> <swept at, ms>": the bucket's ever-rising count
//   lock:<enc>      a lease record, packed (fields below)
//   ended:<enc>     hash, request id -> how, forget, at, fence, lease id; older:<enc> the half before.
//                   Above 64 bytes, so that Redis keeps a table of them and not a list to search
//   queue:<enc>     sorted set of request ids by ticket; waiters:<enc> hash of what they asked
//   due             sorted set, encoded resource -> when time alone next changes the record, or
//                   earlier: an entry that is early is put right by the sweep that finds it
//   names           sorted set of resources that have a record, for listing by prefix
//   log             stream; an entry packs the events of one batch
//
// ARGV[1] is JSON: [namespace, log length, [[bucket, [command, …]], …]]. A command is an array of
// its letter, the encoded resource and its arguments; texts that end up in JSON again arrive as
// JSON. The reply is JSON: [server ms, [reply, …]], replies in the order of the commands.
//
// Measured on Redis 7.0, one decode and one encode of a record: cmsgpack 2.0 us, cjson 3.4 us,
// text and string.match 2.8 us; the same fields as a hash, read and written: 7.5 us.
import { ENDED_WINDOW_MS, MAX_ENDED, MAX_WAITERS, OFFER_MS } from './lease-record.ts';
import { SWEEP_MS } from './lease-store.ts';

/** Most records one sweep of a bucket settles. */
export const SWEEP_LIMIT = 256;

const HALF = MAX_ENDED / 2;

// Fields of a packed record; the first is its version, 1.
const RESOURCE = 2;
const LEASE = 3;
const REQUEST = 4;
const HOLDER = 5;
const NAME = 6;
const INSTANCE = 7;
const FENCE = 8;
const TTL = 9;
const GRANTED = 10;
const UNTIL = 11;
const OFFERED = 12;
const GEN = 13;
const LINK = 14;
const META = 15;
const BREAKING = 16;
const CURSOR = 17;
const WAITING = 18;
const TICKET = 19;
const YOUNG = 20;
const OLDER = 21;
const FORGET = 22;
const DUE = 23;
// How and when the latest grant ended; its fence is FENCE.
const LAST_HOW = 24;
const LAST_AT = 25;

/** Time from the server. The simulator's arm replaces this prelude, and nothing else. */
export const SERVER_TIME = `local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
`;

/** Time from ARGV[2], in microseconds. */
export const GIVEN_TIME = `local us = tonumber(ARGV[2])
`;

export function leaseScript(prelude: string): string {
  return prelude + BODY;
}

const BODY = `
local call, format, sub, concat = redis.call, string.format, string.sub, table.concat
local pack, unpackText = cmsgpack.pack, cmsgpack.unpack
local now = math.floor(us / 1000)
-- Written with %d, since .. gives 14 significant digits.
local nowText = format('%d', now)
local batch = cjson.decode(ARGV[1])
local ns, logLength, groups = batch[1], batch[2], batch[3]

-- What is read once for the whole batch: buckets and records.
local names, found, records, dirty = {}, {}, {}, {}
local total = 0
for _, group in ipairs(groups) do
  local prefix = ns .. ':{b' .. group[1] .. '}:'
  group.prefix = prefix
  total = total + 1
  names[total] = prefix .. 'bucket'
  for _, command in ipairs(group[2]) do
    if command[1] ~= 's' then
      local key = prefix .. 'lock:' .. command[2]
      command.key = key
      if found[key] == nil then
        total = total + 1
        names[total] = key
        found[key] = false
      end
    end
  end
end
local values = call('MGET', unpack(names))
for i = 1, total do found[names[i]] = values[i] end

-- The bucket whose commands are being run.
local prefix, count, lastId, sweptAt, firstPrev, isCounted, isSwept
local events, due, dueN = {}, {}, 0

local function mint()
  count = count + 1
  if count < us then count = us end
  isCounted = true
  return format('%016d', count)
end

local function load(key)
  local record = records[key]
  if record == nil then
    local text = found[key]
    if text == nil then text = call('GET', key) end
    record = text and unpackText(text) or false
    records[key] = record
  end
  return record
end

local function logged(record, kind, how, reason, id)
  id = id or mint()
  local name = record[${NAME}]
  events[#events + 1] = '["' .. kind .. '","' .. id .. '","' .. record[${CURSOR}] .. '",' .. record[${RESOURCE}] .. ',"' .. record[${LEASE}] .. '",' .. format('%d', record[${GEN}])
    .. ',{"id":' .. record[${HOLDER}] .. (name == '' and '' or ',"name":' .. name) .. '},' .. record[${INSTANCE}] .. ',"' .. record[${FENCE}] .. '",' .. nowText
    .. ',"' .. how .. '",' .. (reason == '' and '""' or reason) .. ']'
  record[${CURSOR}] = id
  lastId = id
end

-- The queue.
local function unqueue(record, enc, request)
  if record[${WAITING}] == 0 or call('ZREM', prefix .. 'queue:' .. enc, request) == 0 then return end
  call('HDEL', prefix .. 'waiters:' .. enc, request)
  record[${WAITING}] = record[${WAITING}] - 1
  return true
end

-- The first live waiter; the dead before it are dropped.
local function head(record, enc)
  while record[${WAITING}] > 0 do
    local request = call('ZRANGE', prefix .. 'queue:' .. enc, 0, 0)[1]
    if not request then
      record[${WAITING}] = 0
      return
    end
    local text = call('HGET', prefix .. 'waiters:' .. enc, request)
    local waiter = text and unpackText(text)
    if waiter and waiter[8] > now then return request, waiter end
    unqueue(record, enc, request)
    dirty[record] = enc
  end
end

local function grant(record, lease, request, holder, name, instance, ttl, meta, offered, untilMs)
  local fence = mint()
  record[${LEASE}] = lease
  record[${REQUEST}] = request
  record[${HOLDER}] = holder
  record[${NAME}] = name
  record[${INSTANCE}] = instance
  record[${FENCE}] = fence
  record[${TTL}] = ttl
  record[${GRANTED}] = now
  record[${UNTIL}] = untilMs
  record[${OFFERED}] = offered
  record[${GEN}] = 1
  record[${LINK}] = ''
  record[${META}] = meta
  record[${BREAKING}] = ''
  logged(record, offered == 1 and 'offered' or 'claimed', '', '', fence)
  return fence
end

local function remember(record, enc, request, text, forget)
  local key = prefix .. 'ended:' .. enc
  if record[${YOUNG}] == ${HALF} then
    redis.pcall('RENAME', key, prefix .. 'older:' .. enc)
    record[${OLDER}] = ${HALF}
    record[${YOUNG}] = 0
  end
  call('HSET', key, request, text)
  record[${YOUNG}] = record[${YOUNG}] + 1
  if forget > record[${FORGET}] then record[${FORGET}] = forget end
end

local function finish(record, enc, how, reason)
  local at, kind, fact = now, 'released', how
  if how == 'expired' then
    at, kind = record[${UNTIL}], 'expired'
    if record[${OFFERED}] == 1 then fact = 'unconfirmed' end
  end
  local window = 2 * record[${TTL}]
  if window < ${ENDED_WINDOW_MS} then window = ${ENDED_WINDOW_MS} end
  local forget = now + window
  remember(record, enc, record[${REQUEST}], (how == 'revoked' and 'v' or sub(how, 1, 1)) .. format('%014d%014d', forget, at) .. record[${FENCE}] .. record[${LEASE}], forget)
  record[${LAST_HOW}] = how
  record[${LAST_AT}] = at
  logged(record, kind, fact, reason)
  record[${LEASE}] = ''
  local request, waiter = head(record, enc)
  if request then
    unqueue(record, enc, request)
    local untilMs = now + ${OFFER_MS}
    local fence = grant(record, waiter[1], request, waiter[2], waiter[3], waiter[4], waiter[5], waiter[6], 1, untilMs)
    call('PUBLISH', ns .. ':to:' .. waiter[7], '{"resource":' .. record[${RESOURCE}] .. ',"leaseId":"' .. waiter[1] .. '","requestId":' .. cjson.encode(request) .. ',"fence":"' .. fence .. '","grantedAtMs":' .. nowText .. ',"untilMs":' .. format('%d', untilMs) .. '}')
  end
  dirty[record] = enc
end

local function settle(record, enc)
  if record[${LEASE}] ~= '' and record[${UNTIL}] <= now then finish(record, enc, 'expired', '') end
  if record[${WAITING}] > 0 then head(record, enc) end
end

local HOW = { r = 'released', e = 'expired', v = 'revoked', c = 'cancelled' }

-- How the lease of a request ended, or nil.
local function endedRequest(record, enc, request)
  if record[${YOUNG}] + record[${OLDER}] == 0 then return end
  local text = call('HGET', prefix .. 'ended:' .. enc, request)
  if not text and record[${OLDER}] > 0 then text = call('HGET', prefix .. 'older:' .. enc, request) end
  if text and tonumber(sub(text, 2, 15)) > now then return HOW[sub(text, 1, 1)] end
end

local function endedIn(key, lease)
  local all = call('HVALS', key)
  for i = 1, #all do
    if sub(all[i], 46) == lease and tonumber(sub(all[i], 2, 15)) > now then return all[i] end
  end
end

-- How a lease ended, as its former holder is told.
local function endedHow(record, enc, lease)
  if not record or lease == '' or record[${YOUNG}] + record[${OLDER}] == 0 then return 'unknown' end
  local text = endedIn(prefix .. 'ended:' .. enc, lease) or (record[${OLDER}] > 0 and endedIn(prefix .. 'older:' .. enc, lease))
  if not text then return 'unknown' end
  local how = sub(text, 1, 1)
  if how == 'r' or how == 'c' then return 'released' end
  if how == 'v' then return 'revoked' end
  return record[${FENCE}] > sub(text, 30, 45) and 'superseded' or 'expired'
end

local function view(record)
  local name, link, meta, breaking = record[${NAME}], record[${LINK}], record[${META}], record[${BREAKING}]
  return format('{"holder":{"id":%s%s},"instance":%s,"fence":"%s","gen":%d,"ttlMs":%d,"grantedAtMs":%d,"untilMs":%d,"link":%s,"offered":%s,"queue":%d%s%s,"cursor":"%s","leaseId":"%s","requestId":%s}',
    record[${HOLDER}], name == '' and '' or ',"name":' .. name, record[${INSTANCE}], record[${FENCE}], record[${GEN}], record[${TTL}], record[${GRANTED}], record[${UNTIL}],
    link == '' and '{"kind":"none"}' or link, record[${OFFERED}] == 1 and 'true' or 'false', record[${WAITING}],
    breaking == '' and '' or ',"breaking":' .. breaking, meta == '' and '' or ',"meta":' .. meta,
    record[${CURSOR}], record[${LEASE}], cjson.encode(record[${REQUEST}]))
end

local function confirm(record, enc)
  if record[${OFFERED}] == 0 then return end
  record[${OFFERED}] = 0
  record[${UNTIL}] = now + record[${TTL}]
  logged(record, 'claimed', '', '')
  dirty[record] = enc
end

local function fresh(key, enc, resource)
  local record = { 1, resource, '', '', '""', '', '""', '', 0, 0, 0, 0, 0, '', '', '', '', 0, 0, 0, 0, 0, 0, '', 0 }
  records[key] = record
  record.isNew = true
  return record
end

local run = {}

-- q, enc, lease, request, holder id, holder name, instance, ttl, meta, wait, listener, resource
function run.q(command, record, enc)
  local request = command[4]
  if not record then record = fresh(command.key, enc, command[12]) end
  local how = endedRequest(record, enc, request)
  if how then return '["gone","' .. how .. '"]' end
  if record[${LEASE}] == '' then
    local ttl = command[8]
    local fence = grant(record, command[3], request, command[5], command[6], command[7], ttl, command[9], 0, now + ttl)
    dirty[record] = enc
    return '["granted","' .. fence .. '",' .. format('%d', now + ttl) .. ']'
  end
  if record[${REQUEST}] == request or (record[${HOLDER}] == command[5] and record[${INSTANCE}] == command[7]) then
    if unqueue(record, enc, request) then dirty[record] = enc end
    confirm(record, enc)
    return '["held",' .. view(record) .. ']'
  end
  local queue, wait = prefix .. 'queue:' .. enc, command[10]
  local rank = record[${WAITING}] > 0 and call('ZRANK', queue, request)
  if wait == 0 then
    local position = rank and rank + 1 or record[${WAITING}] + 1
    if unqueue(record, enc, request) then dirty[record] = enc end
    return '["busy",' .. position .. ',false,' .. view(record) .. ']'
  end
  if not rank then
    if record[${WAITING}] >= ${MAX_WAITERS} then return '["busy",' .. (record[${WAITING}] + 1) .. ',true,' .. view(record) .. ']' end
    record[${TICKET}] = record[${TICKET}] + 1
    call('ZADD', queue, record[${TICKET}], request)
    rank = record[${WAITING}]
    record[${WAITING}] = rank + 1
    dirty[record] = enc
    call('HSET', prefix .. 'waiters:' .. enc, request, pack({ command[3], command[5], command[6], command[7], command[8], command[9], command[11], now + wait }))
  else
    local waiter = unpackText(call('HGET', prefix .. 'waiters:' .. enc, request))
    waiter[7], waiter[8] = command[11], now + wait
    call('HSET', prefix .. 'waiters:' .. enc, request, pack(waiter))
  end
  return '["queued",' .. (rank + 1) .. ',' .. view(record) .. ']'
end

-- n, enc, lease, ttl or 0, gen or -1
function run.n(command, record, enc)
  if not record or record[${LEASE}] ~= command[3] or command[3] == '' then return '["ended","' .. endedHow(record, enc, command[3]) .. '"]' end
  local gen, link = command[5], record[${LINK}]
  if gen >= 0 and (gen ~= record[${GEN}] or sub(link, 1, 18) ~= '{"kind":"attached"') then return '["renewed",' .. view(record) .. ']' end
  if command[4] > 0 then record[${TTL}] = command[4] end
  confirm(record, enc)
  record[${UNTIL}] = now + record[${TTL}]
  if link == '{"kind":"away"}' then
    record[${LINK}] = ''
    logged(record, 'back', '', '')
  end
  dirty[record] = enc
  return '["renewed",' .. view(record) .. ']'
end

-- t, enc, lease, instance, link
function run.t(command, record, enc)
  if not record or record[${LEASE}] ~= command[3] or command[3] == '' then return '["ended","' .. endedHow(record, enc, command[3]) .. '"]' end
  local link, displaced = record[${LINK}], '""'
  local isAttached = sub(link, 1, 18) == '{"kind":"attached"'
  if isAttached and record[${INSTANCE}] ~= command[4] then return '["attached-elsewhere",' .. record[${INSTANCE}] .. ']' end
  confirm(record, enc)
  record[${INSTANCE}] = command[4]
  if link ~= command[5] then
    record[${GEN}] = record[${GEN}] + 1
    if isAttached then displaced = link end
  end
  record[${LINK}] = command[5]
  record[${UNTIL}] = now + record[${TTL}]
  if link == '{"kind":"away"}' then logged(record, 'back', '', '') end
  dirty[record] = enc
  return '["attached",' .. view(record) .. ',' .. displaced .. ']'
end

-- w, enc, lease, gen or -1, grace
function run.w(command, record, enc)
  if not record or record[${LEASE}] ~= command[3] or command[3] == '' then return '["ended","' .. endedHow(record, enc, command[3]) .. '"]' end
  if command[4] >= 0 and command[4] ~= record[${GEN}] then return '["stale",' .. record[${GEN}] .. ']' end
  if record[${LINK}] == '{"kind":"away"}' then return '["away",' .. view(record) .. ']' end
  confirm(record, enc)
  record[${LINK}] = '{"kind":"away"}'
  record[${UNTIL}] = now + command[5]
  logged(record, 'away', '', '')
  dirty[record] = enc
  return '["away",' .. view(record) .. ']'
end

-- r, enc, lease, how, reason
function run.r(command, record, enc)
  if record and command[3] ~= '' and record[${LEASE}] == command[3] then
    finish(record, enc, command[4], command[5])
    return '["released"]'
  end
  local how = endedHow(record, enc, command[3])
  if how == 'released' or how == 'revoked' then how = 'already' end
  return '["' .. how .. '"]'
end

-- c, enc, request, resource
function run.c(command, record, enc)
  local request = command[3]
  if not record then record = fresh(command.key, enc, command[4]) end
  local how = endedRequest(record, enc, request)
  if how then return '["gone","' .. how .. '"]' end
  if record[${LEASE}] ~= '' and record[${REQUEST}] == request then
    finish(record, enc, 'cancelled', '')
    return '["returned"]'
  end
  unqueue(record, enc, request)
  local forget = now + ${ENDED_WINDOW_MS}
  remember(record, enc, request, 'c' .. format('%014d%014d', forget, now) .. '0000000000000000', forget)
  dirty[record] = enc
  return '["left"]'
end

-- i, enc
function run.i(command, record, enc)
  if not record then return '["free","",0,""]' end
  if record[${LEASE}] ~= '' then return '["view",' .. view(record) .. ']' end
  local last = '""'
  if record[${LAST_HOW}] ~= '' then last = format('{"fence":"%s","how":"%s","atMs":%d}', record[${FENCE}], record[${LAST_HOW}], record[${LAST_AT}]) end
  return format('["free","%s",%d,%s]', record[${CURSOR}], record[${WAITING}], last)
end

local function sweep()
  if now >= sweptAt and now - sweptAt < ${SWEEP_MS} then return '["fresh"]' end
  sweptAt, isSwept = now, true
  local found = call('ZRANGEBYSCORE', prefix .. 'due', '-inf', now, 'LIMIT', 0, ${SWEEP_LIMIT})
  for _, enc in ipairs(found) do
    local key = prefix .. 'lock:' .. enc
    local record = load(key)
    if record then
      settle(record, enc)
      if record[${FORGET}] <= now and record[${YOUNG}] + record[${OLDER}] > 0 then
        call('DEL', prefix .. 'ended:' .. enc, prefix .. 'older:' .. enc)
        record[${YOUNG}], record[${OLDER}], record[${LAST_HOW}] = 0, 0, ''
      end
      if record[${LEASE}] == '' and record[${WAITING}] == 0 and record[${YOUNG}] + record[${OLDER}] == 0 then
        call('DEL', key)
        call('ZREM', prefix .. 'due', enc)
        call('ZREM', prefix .. 'names', cjson.decode('[' .. record[${RESOURCE}] .. ']')[1])
        dirty[record] = nil
        records[key] = false
      else
        record[${DUE}] = 0
        dirty[record] = enc
      end
    else
      call('ZREM', prefix .. 'due', enc)
    end
  end
  return '["swept",' .. #found .. ']'
end

local replies, replyN = {}, 0
local writes, writeN, hints = {}, 0, {}
for _, group in ipairs(groups) do
  prefix = group.prefix
  local bucketKey = prefix .. 'bucket'
  local text = found[bucketKey]
  count = text and tonumber(sub(text, 1, 16)) or 0
  lastId = text and sub(text, 18, 33) or '0000000000000000'
  sweptAt = text and tonumber(sub(text, 35)) or 0
  firstPrev, isCounted, isSwept, events, due, dueN = lastId, false, false, {}, {}, 0
  for _, command in ipairs(group[2]) do
    replyN = replyN + 1
    if command[1] == 's' then
      replies[replyN] = sweep()
    else
      local record, enc = load(command.key), command[2]
      if record then settle(record, enc) end
      replies[replyN] = run[command[1]](command, record, enc)
    end
  end
  -- What this bucket's commands changed, in as few writes as there are kinds of it.
  if #events > 0 then
    local log, entry = prefix .. 'log', '[' .. concat(events, ',') .. ']'
    local added = redis.pcall('XADD', log, 'MAXLEN', '~', logLength, lastId .. '-0', 'e', entry, 'p', firstPrev)
    if type(added) == 'table' and added.err then
      -- The bucket's count was lost and the log was not: readers see a gap and start anew.
      call('DEL', log)
      call('XADD', log, lastId .. '-0', 'e', entry, 'p', firstPrev)
    end
    hints[#hints + 1] = group[1]
  end
  local newNames = {}
  for record, enc in pairs(dirty) do
    local need = record[${LEASE}] ~= '' and record[${UNTIL}] or record[${FORGET}]
    if record[${DUE}] == 0 or need < record[${DUE}] then
      record[${DUE}] = need
      due[dueN + 1], due[dueN + 2] = need, enc
      dueN = dueN + 2
    end
    if record.isNew then
      record.isNew = nil
      newNames[#newNames + 1] = 0
      newNames[#newNames + 1] = cjson.decode('[' .. record[${RESOURCE}] .. ']')[1]
    end
    writes[writeN + 1], writes[writeN + 2] = prefix .. 'lock:' .. enc, pack(record)
    writeN = writeN + 2
  end
  dirty = {}
  if dueN > 0 then call('ZADD', prefix .. 'due', unpack(due)) end
  if #newNames > 0 then call('ZADD', prefix .. 'names', unpack(newNames)) end
  if isCounted or isSwept then
    writes[writeN + 1], writes[writeN + 2] = bucketKey, format('%016d', count) .. ' ' .. lastId .. ' ' .. format('%d', sweptAt)
    writeN = writeN + 2
  end
  -- Lua cannot spread more than some 8,000 values into one call.
  if writeN > 4000 then
    call('MSET', unpack(writes))
    writes, writeN = {}, 0
  end
end
if writeN > 0 then call('MSET', unpack(writes)) end
if #hints > 0 then call('PUBLISH', ns .. ':hint', concat(hints, ',')) end
return '[' .. nowText .. ',[' .. concat(replies, ',') .. ']]'
`;
