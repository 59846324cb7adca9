// The lease script
//
// Every transition of `transition.ts`, in Lua, for a batch of commands: per bucket one reading
// and one writing of records, one event entry. The two say the same; the differential test
// holds them to it.
//
// Keys of bucket n, all in the hash tag {b<n>}, so that a batch of one bucket runs on Cluster:
//   bucket          "<last event id> <swept at, ms>": an id is the bucket's ever-rising count
//   lock:<enc>      a lease record
//   ended:<enc>     hash, request id -> how it ended; older:<enc> the half before. Above 64 bytes,
//                   so that Redis keeps a table of them and not a list to search
//   queue:<enc>     sorted set of request ids by ticket; waiters:<enc> hash of what they asked
//   due             sorted set, encoded resource -> when the sweep has to look, or earlier
//   names           sorted set of resources that are held, or were at the last sweep
//   log             stream; an entry packs the events of one batch
//
// ARGV: [number of fields, number of keys among them, fields, log length, namespace]. The fields,
// each ended by a zero byte: per bucket its key and those of its commands' records; then per
// bucket its number and how many commands, and per command its letter, encoded resource and
// arguments. The reply is JSON: [server ms, [reply, …]], in the order of the commands.
//
// Lua makes the functions of a script anew at every call, which costs more than what one command
// does. So the two commonest commands, a grant of what is free and a release that nobody waits for,
// are written out where they are met; the functions are made when another command is.

import { ENDED_WINDOW_MS } from './lease-record.ts';
import { COMMANDS } from './lease-script.commands.ts';
import { at, BLANK, HALF, PACKED, RECORD, SLACK_MS, UNPACKED } from './lease-script.record.ts';
import { LEASE_COMMAND_WIDTHS } from './lease-store.redis-codec.ts';
import { LOG_MS, SWEEP_MS } from './lease-store.ts';

/** Most records one sweep of a bucket settles. */
const SWEEP_LIMIT = 256;

/** Time from the server. The simulator's arm replaces this prelude, and nothing else. */
export const SERVER_TIME = `local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
`;

/** Time from ARGV[6], in microseconds. */
export const GIVEN_TIME = `local us = tonumber(ARGV[6])
`;

export function leaseScript(prelude: string): string {
  return prelude + BATCH;
}

const SWEEP = `
function run.s()
  local since = now - tonumber(sweptAt)
  if since >= 0 and since < ${SWEEP_MS} then return '["fresh"]' end
  local found = call('ZRANGEBYSCORE', prefix .. 'due', '-inf', now, 'LIMIT', 0, ${SWEEP_LIMIT})
  for _, enc in ipairs(found) do
    local key = prefix .. 'lock:' .. enc
    local record = records[key]
    if record == nil then record = load(key, enc, call('GET', key)) end
    if record then
      settle(record)
      forgetAll(record)
      touch(record)
      record[${at.DUE}] = 0
      if record[${at.LEASE}] == '' then
        if record[${at.LISTED}] == 1 then
          call('ZREM', prefix .. 'names', cjson.decode('[' .. record[${at.RESOURCE}] .. ']')[1])
          record[${at.LISTED}] = 0
        end
        if record[${at.WAITING}] == 0 and record[${at.YOUNG}] + record[${at.OLDER}] == 0 then
          call('DEL', key)
          call('ZREM', prefix .. 'due', enc)
          record[1] = 2
          records[key] = false
        else
          fading = fading or {}
          fading[#fading + 1] = record
        end
      end
    else
      call('ZREM', prefix .. 'due', enc)
    end
  end
  isSwept = true
  if #found == ${SWEEP_LIMIT} then return '["more"]' end
  sweptAt = nowText
  call('XTRIM', prefix .. 'log', 'MINID', format('%d', us - ${LOG_MS * 1_000}))
  return '["swept"]'
end
`;

const widths = Object.entries(LEASE_COMMAND_WIDTHS)
  .map(([letter, width]) => `${letter}=${width}`)
  .join(',');

/** Every command, whatever it meets. */
const ALL = `(function()
local function mint()
  count = count + 1
  if count < us then count = us end
  return format('%016d', count)
end
${RECORD}${COMMANDS}${SWEEP}
return function(kind, record, i, key, enc, text)
  if kind ~= 's' then
    if record == nil then record = load(key, enc, text) end
    if record then settle(record) end
  end
  return run[kind](record, i, key, enc), ({ ${widths} })[kind]
end
end)()`;

/** The id of a new event. */
const MINT = `count = count + 1
      if count < us then count = us end
      local id = format('%016d', count)`;

/** Logs the event that `MINT` named, of a lease whose connection never changed, without a reason. */
const EVENT = (kind: string, how: string) => `eventN = eventN + 1
      events[eventN] = '["${kind}","' .. id .. '","' .. record[${at.CURSOR}] .. '",' .. record[${at.RESOURCE}] .. ',"' .. record[${at.LEASE}] .. '",1,' .. record[${at.HOLDER}] .. ',' .. record[${at.INSTANCE}] .. ',"' .. record[${at.FENCE}] .. atText .. format('%d,%d,"${how}",""]', record[${at.TTL}], record[${at.UNTIL}])
      record[${at.CURSOR}], lastId = id, id`;

const BATCH = `
local call, format, sub, find, concat = redis.call, string.format, string.sub, string.find, table.concat
local now = math.floor(us / 1000)
-- Written with %d, since .. gives 14 significant digits.
local nowText = format('%d', now)
local atText = '",' .. nowText .. ','
local window = now + ${ENDED_WINDOW_MS}
local endedText
local ns = ARGV[5]
local keyAt, keyN = 1, tonumber(ARGV[2])
local f = { struct.unpack(string.rep('s', ARGV[1]), ARGV[3]) }
local i = keyN + 1

local records, dirty, dirtyN = {}, {}, 0
local replies, replyN = {}, 0
local events, eventN = {}, 0
-- What a sweep took off the names, to be given its expiry once it is written.
local fading
-- The bucket whose commands are being run.
local prefix, count, lastId, sweptAt, isSwept
local any

while keyAt <= keyN do
  local bucketKey, commandN = f[keyAt], tonumber(f[i + 1])
  local values = call('MGET', unpack(f, keyAt, keyAt + commandN))
  local text = values[1]
  prefix = sub(bucketKey, 1, -7)
  lastId, sweptAt = '0000000000000000', '0'
  if text then lastId, sweptAt = sub(text, 1, 16), sub(text, 18) end
  count, isSwept = tonumber(lastId), false
  local firstPrev, bucket = lastId, f[i]
  i = i + 2
  for n = 2, commandN + 1 do
    local kind, enc, key, text = f[i], f[i + 1], f[keyAt + n - 1], values[n]
    local record, reply, width = records[key]
    if kind == 'q' then
      if record == nil then
        if text then
          record = { 0, ${UNPACKED} }
          record[${at.KEY}], record[${at.ENC}] = key, enc
        else
          record = ${BLANK}
          record[${at.KEY}], record[${at.ENC}], record[${at.RESOURCE}] = key, enc, f[i + 10]
        end
        records[key] = record
      end
      if record and record[${at.LEASE}] == '' and record[${at.WAITING}] == 0
        and (record[${at.YOUNG}] == 0 or not call('HGET', prefix .. 'ended:' .. enc, f[i + 2]))
        and (record[${at.OLDER}] == 0 or not call('HGET', prefix .. 'older:' .. enc, f[i + 2])) then
      ${MINT}
      local ttl = tonumber(f[i + 6])
      record[${at.LEASE}], record[${at.REQUEST}], record[${at.HOLDER}], record[${at.INSTANCE}], record[${at.META}] = f[i + 3], f[i + 2], f[i + 4], f[i + 5], f[i + 7]
      record[${at.FENCE}], record[${at.TTL}], record[${at.GRANTED}], record[${at.UNTIL}] = id, ttl, now, now + ttl
      record[${at.OFFERED}], record[${at.GEN}], record[${at.LINK}] = 0, 1, ''
      ${EVENT('claimed', '')}
      if record[1] == 0 then
        record[1] = 1
        dirtyN = dirtyN + 1
        dirty[dirtyN] = record
      end
      reply, width = '["granted","' .. id .. '"]', ${LEASE_COMMAND_WIDTHS.q}
      end
    elseif kind == 'r' then
      if record == nil and text then
        record = { 0, ${UNPACKED} }
        record[${at.KEY}], record[${at.ENC}] = key, enc
        records[key] = record
      end
      if record and record[${at.LEASE}] == f[i + 2] and f[i + 2] ~= '' and record[${at.UNTIL}] > now and record[${at.WAITING}] == 0
        and record[${at.GEN}] == 1 and f[i + 3] == 'released' and f[i + 4] == '""' and record[${at.TTL}] <= ${ENDED_WINDOW_MS / 2}
        and record[${at.YOUNG}] < ${HALF} and record[${at.KEPT}] >= window then
      ${MINT}
      endedText = endedText or format('r%014d%014d', window, now)
      call('HSET', prefix .. 'ended:' .. enc, record[${at.REQUEST}], endedText .. record[${at.FENCE}] .. record[${at.LEASE}])
      record[${at.YOUNG}] = record[${at.YOUNG}] + 1
      if record[${at.FORGET}] < window then record[${at.FORGET}] = window end
      ${EVENT('released', 'released')}
      record[${at.LEASE}], record[${at.REQUEST}], record[${at.HOLDER}], record[${at.INSTANCE}], record[${at.META}], record[${at.LINK}] = '', '', '', '', '', ''
      record[${at.LAST_HOW}], record[${at.UNTIL}] = ${'r'.charCodeAt(0)}, now
      if record[1] == 0 then
        record[1] = 1
        dirtyN = dirtyN + 1
        dirty[dirtyN] = record
      end
      reply, width = '["released"]', ${LEASE_COMMAND_WIDTHS.r}
      end
    end
    if not reply then
      any = any or ${ALL}
      reply, width = any(kind, record, i + 2, key, enc, text)
    end
    replyN = replyN + 1
    replies[replyN] = reply
    i = i + width
  end
  keyAt = keyAt + commandN + 1

  -- What this bucket's commands changed, in as few writes as there are kinds of it.
  local writes, writeN = {}, 0
  if dirtyN > 0 then
    local due, dueN, names, nameN
    for n = 1, dirtyN do
      local record = dirty[n]
      if record[1] == 1 then
        -- When the sweep has to look: at a lapse; at once, to take what is free off the names; at
        -- the end of what is remembered. An entry that is early is put right when it is found.
        local need = record[${at.UNTIL}]
        if record[${at.LEASE}] == '' then
          need = record[${at.LISTED}] == 1 and now or record[${at.FORGET}]
        elseif record[${at.LISTED}] == 0 then
          record[${at.LISTED}] = 1
          names, nameN = names or {}, (nameN or 0) + 2
          names[nameN - 1], names[nameN] = 0, cjson.decode('[' .. record[${at.RESOURCE}] .. ']')[1]
        end
        if record[${at.DUE}] == 0 or need < record[${at.DUE}] then
          record[${at.DUE}] = need
          due, dueN = due or {}, (dueN or 0) + 2
          due[dueN - 1], due[dueN] = need, record[${at.ENC}]
        end
        writes[writeN + 1], writes[writeN + 2] = record[${at.KEY}], ${PACKED}
        writeN = writeN + 2
      end
    end
    dirtyN = 0
    if due then call('ZADD', prefix .. 'due', unpack(due)) end
    if names then call('ZADD', prefix .. 'names', unpack(names)) end
  end
  if eventN > 0 then
    local log, entry = prefix .. 'log', '[' .. (eventN == 1 and events[1] or concat(events, ',', 1, eventN)) .. ']'
    local added = redis.pcall('XADD', log, 'MAXLEN', '~', ARGV[4], lastId .. '-0', 'e', entry, 'p', firstPrev)
    if type(added) == 'table' and added.err then
      -- The bucket's count was lost and the log was not: readers see a gap and start anew.
      call('DEL', log)
      call('XADD', log, lastId .. '-0', 'e', entry, 'p', firstPrev)
    end
    call('PUBLISH', ns .. ':hint:' .. bucket, '')
    eventN = 0
  end
  if writeN > 0 or isSwept or lastId ~= firstPrev then
    writes[writeN + 1], writes[writeN + 2] = bucketKey, lastId .. ' ' .. sweptAt
    call('MSET', unpack(writes))
  end
  if fading then
    -- A free record leaves by itself should nobody ever sweep again; its next write takes that back.
    for _, record in ipairs(fading) do
      if record[${at.LEASE}] == '' and record[1] == 1 then call('PEXPIRE', record[${at.KEY}], record[${at.FORGET}] - now + ${SLACK_MS}) end
    end
    fading = nil
  end
end
return '[' .. nowText .. ',[' .. concat(replies, ',') .. ']]'
`;
