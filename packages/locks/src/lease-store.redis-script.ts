// The lease script
//
// Every transition of `transition.ts`, in Lua, for a batch of commands. The two say the same; the
// differential test holds them to it.
//
// Keys of bucket n, all in the hash tag {b<n>}, so that a batch of one bucket runs on Cluster:
//   bucket          the bucket's ever-rising count: the id of its latest event
//   lock:<enc>      a lease record (lease-script.record.ts)
//   log             stream; the strings of an entry are "ms, count before" as numbers, then the
//                   events of one batch: a record as the event left it, and after it JSON of what
//                   the record does not tell, if there is any
//   due             sorted set, encoded resource -> when the sweep has to look, or earlier
//   names           sorted set, by bytes: `h` and a resource that is held, or was at the last
//                   sweep; `w`, an encoded resource, ticket and request id: a place in a queue
//   waiters         hash, record key and request id -> who waits
//   ended           hash, record key and place -> a lease that ended
//   swept           when the bucket was last swept
//
// KEYS: `bucket` of every bucket; the records, bucket by bucket; of every bucket again `log`,
// `due`, `names`, `waiters`, `ended`.
// ARGV: [number of buckets, fields, server's microseconds when the ids of this batch's first
// sendings were made or later replies came, log length or 0, namespace, numbers of the buckets].
// The fields, each ended by a zero byte: per bucket the letters of its commands, then the fields of
// each. A letter after `=` is of the same record as the one before. The reply is the server's
// microseconds and a reply per command: a code, a fence (above any code), or text.
//
// All reads are one MGET, all writes one MSET. Lua makes the functions of a script anew at every
// call, which costs more than what one command does. So the two commonest commands, a claim of what
// is free and a release that nobody waits for, are written out where they are met; the functions
// are made when another command is.
import { ENDED_WINDOW_MS } from './lease-record.ts';
import { CODES, COMMANDS } from './lease-script.commands.ts';
import {
  EVENTS,
  HEADER_BYTES,
  HEADER_NAMES,
  HELD,
  NOTHING,
  PARSED,
  PLAIN,
  packed,
  RECORD,
  RECORD_VERSION,
  RING,
} from './lease-script.record.ts';
import { FAST_IDS_BYTES, LETTERS, REPLY_CODES } from './lease-store.redis-codec.ts';
import { LOG_MS, SWEEP_MS } from './lease-store.ts';

/** Most records one sweep of a bucket settles. */
export const SWEEP_LIMIT = 256;
const DAY_MS = 86_400_000;

/** Time from the server. The simulator's arm replaces this prelude, and nothing else. */
export const SERVER_TIME = `local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
`;

/** Time from the last of ARGV, in microseconds. */
export const GIVEN_TIME = `local us = tonumber(ARGV[#ARGV])
`;

const byteOf = (letter: string): number => letter.charCodeAt(0);
const formats = Object.entries(LETTERS)
  .map(([letter, width]) => `[${byteOf(letter)}] = '${'s'.repeat(width)}'`)
  .join(', ');

/** Every command, whatever it meets. */
const ALL = `(function()
${CODES}${RECORD}${COMMANDS}
local formats = { ${formats} }
local function general(kind, one, two, three, four, five)
  load()
  settle()
  local reply = run[char(kind)](one, two, three, four, five)
  if isChanged then put() end
  return reply
end
-- The fields of the two commonest commands are read already.
return function(kind, one, two)
  if kind == ${byteOf('q')} then return general(kind, one, two, '0', '', '1') end
  if kind == ${byteOf('r')} then return general(kind, sub(one, 1, -2), ${EVENTS.released}, '') end
  local fields = { parse(formats[kind], blob, at) }
  at = fields[#fields]
  if version ~= ${RECORD_VERSION} then return ${REPLY_CODES.unreadable} end
  return general(kind == ${byteOf('Q')} and ${byteOf('q')} or kind == ${byteOf('R')} and ${byteOf('r')} or kind, unpack(fields))
end
end)()`;

const BATCH = `
local call, parse, pack, sub, find, char = redis.call, struct.unpack, struct.pack, string.sub, string.find, string.char
local KEYS, blob, ns = KEYS, ARGV[2], ARGV[5]
local bucketN, knownArg, isLogged = tonumber(ARGV[1]), tonumber(ARGV[3]), ARGV[4] ~= '0'
local recordN = #KEYS - 6 * bucketN
local now = (us - us % 1000) / 1000
local window = ${ENDED_WINDOW_MS}
local at, recordAt = 1, bucketN

local values = call('MGET', unpack(KEYS, 1, bucketN + recordN))
local replies, replyN = { us }, 1
local writes, writeN = {}, 0
-- Terms are few and given as text: each is read as a number once.
local terms = {}
-- Free records that are given their expiry once they are written, unless they are granted before.
local fading
local any

-- The bucket whose commands are being run.
local bucketKey, dueKey, namesKey, waitersKey, endedKey, count, known
local events, eventN, ended, endedN, dues, dueN
-- The record at hand.
local key, raw
local ${HEADER_NAMES}

for b = 1, bucketN do
  local k = bucketN + recordN + 5 * b - 5
  bucketKey, dueKey, namesKey, waitersKey, endedKey = KEYS[b], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4], KEYS[k + 5]
  count = tonumber(values[b] or 0)
  -- Whose clock was set back is looked up for everything.
  known = (us >= count and us >= knownArg) and knownArg or -1
  local before = count
  events, eventN = { pack('<I6I7', now, before) }, 1
  ended, endedN, dueN = {}, 0, 0
  local letters, names
  letters, at = parse('s', blob, at)
  local kinds = { string.byte(letters, 1, -1) }
  local n, commandN = 1, #letters
  while n <= commandN do
    local kind, reply, one, two = kinds[n]
    if kind == ${byteOf('=')} then
      n = n + 1
      kind = kinds[n]
    else
      recordAt = recordAt + 1
      key, raw = KEYS[recordAt], values[recordAt]
    end
    if raw then
      ${HEADER_NAMES} = ${PARSED}
    else
      ${HEADER_NAMES} = ${NOTHING}
    end
    if kind == ${byteOf('q')} then
      one, two, at = parse('ss', blob, at)
      if version ~= ${RECORD_VERSION} then
        reply = ${REPLY_CODES.unreadable}
      elseif last < ${HELD} and rest == ${PLAIN} and look <= known then
        local ttlMs = terms[one]
        if not ttlMs then
          ttlMs = tonumber(one)
          terms[one] = ttlMs
        end
        count = count + 1
        if count < us then count = us end
        if last > 0 then
          ended[endedN + 1], ended[endedN + 2] = key .. char(ring % ${RING}), sub(raw, 1, ${HEADER_BYTES} + ids)
          endedN = endedN + 2
          ring = ring + 1
          if ring == ${2 * RING} then ring = ${RING} end
          look = us
        end
        local untilMs = now + ttlMs
        if listed == 0 then
          names = names or {}
          names[#names + 1] = 0
          names[#names + 1] = 'h' .. string.match(two, '^[^\\1]*\\1[^\\1]*\\1[^\\1]*\\1[^\\1]*\\1([^\\1]*)')
        end
        if due == 0 or untilMs < due then
          due = untilMs
          dues = dues or {}
          dues[dueN + 1], dues[dueN + 2] = due, sub(key, #bucketKey)
          dueN = dueN + 2
        end
        if fading then fading[key] = nil end
        raw = ${packed({ last: `${EVENTS.claimed}`, listed: '1', ttl: 'ttlMs', fence: 'count', cursor: 'count', prev: 'cursor', granted: 'now', ids: `${FAST_IDS_BYTES}` })} .. two
        writes[writeN + 1], writes[writeN + 2] = key, raw
        writeN = writeN + 2
        eventN = eventN + 1
        events[eventN] = raw
        reply = count
      end
    elseif kind == ${byteOf('r')} then
      one, at = parse('s', blob, at)
      if version ~= ${RECORD_VERSION} then
        reply = ${REPLY_CODES.unreadable}
      elseif last >= ${HELD} and rest == ${PLAIN} and untilMs > now and (ring == 0 or forget > now) and find(raw, one, ${HEADER_BYTES + 1}, true) == ${HEADER_BYTES + 1} then
        count = count + 1
        if count < us then count = us end
        local forgetMs = ttl > ${ENDED_WINDOW_MS / 2} and 2 * ttl or window
        forgetMs = now + forgetMs
        if forget > forgetMs then forgetMs = forget end
        if now < due then
          due = now
          dues = dues or {}
          dues[dueN + 1], dues[dueN + 2] = now, sub(key, #bucketKey)
          dueN = dueN + 2
        end
        raw = ${packed({ last: `${EVENTS.released}`, cursor: 'count', prev: 'cursor', untilMs: 'now', forget: 'forgetMs' })} .. sub(raw, ${HEADER_BYTES + 1})
        writes[writeN + 1], writes[writeN + 2] = key, raw
        writeN = writeN + 2
        eventN = eventN + 1
        events[eventN] = raw
        reply = ${REPLY_CODES.released}
      end
    end
    if not reply then
      any = any or ${ALL}
      reply = any(kind, one, two)
    end
    replyN = replyN + 1
    replies[replyN] = reply
    n = n + 1
  end

  -- What this bucket's commands changed, in as few writes as there are kinds of it.
  if names then call('ZADD', namesKey, unpack(names)) end
  if dueN > 0 then call('ZADD', dueKey, unpack(dues, 1, dueN)) end
  if endedN > 0 then call('HSET', endedKey, unpack(ended, 1, endedN)) end
  if count > before then
    local id = string.format('%.0f', count)
    writes[writeN + 1], writes[writeN + 2] = bucketKey, id
    writeN = writeN + 2
    if isLogged then
      -- An entry is pairs of strings.
      if eventN % 2 == 1 then
        eventN = eventN + 1
        events[eventN] = ''
      end
      local log = KEYS[k + 1]
      local added = redis.pcall('XADD', log, 'MAXLEN', '~', ARGV[4], id .. '-0', unpack(events, 1, eventN))
      if type(added) == 'table' and added.err then
        -- The bucket's count was lost and the log was not: readers see a gap and start anew.
        call('DEL', log)
        call('XADD', log, id .. '-0', unpack(events, 1, eventN))
      end
    end
  end
end
if writeN > 0 then
  call('MSET', unpack(writes, 1, writeN))
  if isLogged then call('PUBLISH', ns .. ':hint', ARGV[6]) end
end
if fading then
  -- A free record leaves by itself should nobody ever sweep again; its next write takes that back.
  for key, ms in pairs(fading) do call('PEXPIRE', key, ms) end
end
return replies
`;

/** What the sweep has to settle: per bucket encoded resources, or 0 when it was swept a moment ago. */
const DUE = `
local now = (us - us % 1000) / 1000
local out = {}
for n = 1, #KEYS / 4 do
  local swept, due, log, ended = unpack(KEYS, 4 * n - 3, 4 * n)
  local since = now - tonumber(redis.call('GET', swept) or 0)
  out[n] = 0
  if since < 0 or since >= ${SWEEP_MS} then
    local found = redis.call('ZRANGEBYSCORE', due, '-inf', string.format('%.0f', now), 'LIMIT', 0, ${SWEEP_LIMIT})
    out[n] = found
    -- Where there is more, the sweep goes on at once.
    if #found < ${SWEEP_LIMIT} then redis.call('SET', swept, string.format('%.0f', now)) end
    redis.call('XTRIM', log, 'MINID', string.format('%.0f', us - ${LOG_MS * 1_000}))
    -- Should nobody ever sweep again.
    redis.call('PEXPIRE', ended, ${3 * DAY_MS})
  end
end
return out
`;

export function leaseScript(prelude: string): string {
  return prelude + BATCH;
}

export function dueScript(prelude: string): string {
  return prelude + DUE;
}
