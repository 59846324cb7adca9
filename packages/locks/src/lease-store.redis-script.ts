// The lease script
//
// Every transition of `transition.ts`, in Lua, for a batch of commands: per bucket one reading
// and one writing of records, one event entry. The two say the same; the differential test
// holds them to it.
//
// Keys of bucket n, all in the hash tag {b<n>}, so that a batch of one bucket runs on Cluster:
//   bucket          "<count> <last event id> <swept at, ms>": the bucket's ever-rising count
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
import { LEASE_COMMAND_WIDTHS } from './lease-store.redis-codec.ts';
import { COMMANDS } from './lease-script.commands.ts';
import { at, RECORD } from './lease-script.record.ts';
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
  return prelude + START + RECORD + COMMANDS + SWEEP + BATCH;
}

const START = String.raw`
local call, format, sub, find, concat = redis.call, string.format, string.sub, string.find, table.concat
local now = math.floor(us / 1000)
-- Written with %d, since .. gives 14 significant digits.
local nowText = format('%d', now)
local atText = '",' .. nowText .. ',"'
local ns = ARGV[5]
local f = { struct.unpack(string.rep('s', tonumber(ARGV[1])), ARGV[3]) }

-- The bucket whose commands are being run.
local prefix, count, lastId, sweptAt, isSwept
local events, eventN = {}, 0

local function mint()
  count = count + 1
  if count < us then count = us end
  return format('%016d', count)
end
`;

const SWEEP = String.raw`
-- What was taken off the names, to be given its expiry once it is written.
local fading = {}

function run.s()
  if now >= sweptAt and now - sweptAt < ${SWEEP_MS} then return '["fresh"]' end
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
          fading[#fading + 1] = record
        end
      end
    else
      call('ZREM', prefix .. 'due', enc)
    end
  end
  isSwept = true
  if #found == ${SWEEP_LIMIT} then return '["more"]' end
  sweptAt = now
  call('XTRIM', prefix .. 'log', 'MINID', format('%d', us - ${LOG_MS * 1_000}))
  return '["swept"]'
end
`;

const widths = Object.entries(LEASE_COMMAND_WIDTHS)
  .map(([letter, width]) => `${letter}=${width}`)
  .join(',');

const BATCH = String.raw`
local widths = { ${widths} }
local replies, replyN = {}, 0
local keyAt, keyN, i = 1, tonumber(ARGV[2]), tonumber(ARGV[2]) + 1
while keyAt <= keyN do
  local bucketKey, commandN = f[keyAt], tonumber(f[i + 1])
  prefix = sub(bucketKey, 1, -7)
  local values = call('MGET', unpack(f, keyAt, keyAt + commandN))
  local text = values[1]
  count = text and tonumber(sub(text, 1, 16)) or 0
  lastId = text and sub(text, 18, 33) or '0000000000000000'
  sweptAt = text and tonumber(sub(text, 35)) or 0
  isSwept = false
  local firstPrev = lastId
  local bucket = f[i]
  i = i + 2
  for n = 2, commandN + 1 do
    local kind, key, record = f[i], f[keyAt + n - 1]
    if kind ~= 's' then
      record = records[key]
      if record == nil then record = load(key, f[i + 1], values[n]) end
      if record then settle(record) end
    end
    replyN = replyN + 1
    replies[replyN] = run[kind](record, i + 2, key, f[i + 1])
    i = i + widths[kind]
  end
  keyAt = keyAt + commandN + 1

  -- What this bucket's commands changed, in as few writes as there are kinds of it.
  local writes, writeN = {}, 0
  if dirtyN > 0 then
    local due, dueN, names, nameN = {}, 0, {}, 0
    for n = 1, dirtyN do
      local record = dirty[n]
      if record[1] == 1 then
        if record[${at.LISTED}] == 0 and record[${at.LEASE}] ~= '' then
          record[${at.LISTED}] = 1
          names[nameN + 1], names[nameN + 2] = 0, cjson.decode('[' .. record[${at.RESOURCE}] .. ']')[1]
          nameN = nameN + 2
        end
        local need = needed(record)
        if record[${at.DUE}] == 0 or need < record[${at.DUE}] then
          record[${at.DUE}] = need
          due[dueN + 1], due[dueN + 2] = need, record[${at.ENC}]
          dueN = dueN + 2
        end
        writes[writeN + 1], writes[writeN + 2] = record[${at.KEY}], packed(record)
        writeN = writeN + 2
      end
    end
    dirty, dirtyN = {}, 0
    if dueN > 0 then call('ZADD', prefix .. 'due', unpack(due)) end
    if nameN > 0 then call('ZADD', prefix .. 'names', unpack(names)) end
  end
  if eventN > 0 then
    events[eventN + 1] = ']'
    local log, entry = prefix .. 'log', concat(events, '', 1, eventN + 1)
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
    writes[writeN + 1], writes[writeN + 2] = bucketKey, format('%016d', count) .. ' ' .. lastId .. ' ' .. format('%d', sweptAt)
    call('MSET', unpack(writes))
  end
  if #fading > 0 then
    for _, record in ipairs(fading) do
      if record[${at.LEASE}] == '' and record[1] == 1 then fade(record) end
    end
    fading = {}
  end
end
return '[' .. nowText .. ',[' .. concat(replies, ',') .. ']]'
`;
