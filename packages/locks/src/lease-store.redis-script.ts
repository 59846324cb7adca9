// The lease script
//
// Every transition of `transition.ts`, in Lua, for a batch of commands. The two say the same; the
// differential test holds them to it.
//
// Keys of bucket n, all in the hash tag {b<n>}, so that a batch of one bucket runs on Cluster:
//   bucket          two numbers: the bucket's ever-rising count, which is the id of its latest event,
//                   and until when somebody wants to be told that its log grew
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
// ARGV: the fields, each ended by a zero byte: number of buckets; server's microseconds of the last reply before the first sendings of this batch; log length, or 0;
// namespace; numbers of the buckets; then per bucket the letters of its commands and the fields of
// each. A letter after `=` is of the same record as the one before.
// The reply is numbers of 8 bytes: the server's microseconds, and per command a code or a fence,
// which is above any code. 0 stands for a text: then the reply is an array, of these numbers and
// the texts in their order.
//
// All reads are one MGET, all writes one MSET. The commonest commands are written out where they are
// met (lease-script.plain.ts), once for a batch and once for one that comes alone; the functions of
// all others are made when one of them comes, since Lua makes them anew at every call.
import { ENDED_WINDOW_MS } from './lease-record.ts';
import { CODES, COMMANDS } from './lease-script.commands.ts';
import { claim, KNOWN, release, renew, type Writes } from './lease-script.plain.ts';
import { EVENTS, HEADER_BYTES, RECORD, REST_BYTES } from './lease-script.record.ts';
import { TAKEOVERS } from './lease-script.takeover.ts';
import { LETTERS, REPLY_CODES } from './lease-store.redis-codec.ts';
import { LOG_MS, SWEEP_MS } from './lease-store.ts';

/** Most records one sweep of a bucket settles. */
export const SWEEP_LIMIT = 256;
const DAY_MS = 86_400_000;

const byteOf = (letter: string): number => letter.charCodeAt(0);
const formats = Object.entries(LETTERS)
  .map(([letter, width]) => `[${byteOf(letter)}] = '${'s'.repeat(width)}'`)
  .join(', ');

/** Every command, whatever it meets. */
const ALL = `(function()
${CODES}${RECORD}${COMMANDS}${TAKEOVERS}
local formats = { ${formats} }
local function general(kind, one, two, three, four, five)
  ended = ended or {}
  -- These write at once: what the commands before them have put off comes first.
  if names then
    call('ZADD', namesKey, unpack(names))
    names = nil
  end
  if dueN > 0 then
    call('ZADD', dueKey, unpack(dues, 1, dueN))
    dueN = 0
  end
  ${KNOWN}
  if not load() then return ${REPLY_CODES.unreadable} end
  settle()
  local letter = char(kind)
  local reply = (run[letter] or takeovers()[letter])(one, two, three, four, five)
  if isChanged then put() end
  return reply
end
-- The fields of the two commonest commands are read already.
return function(kind, one, two)
  if kind == ${byteOf('q')} then return general(kind, one, two, '0', '', '1') end
  if kind == ${byteOf('r')} then return general(kind, sub(one, 1, -2), ${EVENTS.released}, '') end
  local fields = { parse(formats[kind], blob, at) }
  at = fields[#fields]
  return general(kind == ${byteOf('Q')} and ${byteOf('q')} or kind == ${byteOf('R')} and ${byteOf('r')} or kind, unpack(fields))
end
end)()`;

/** Lua: an entry of the log, of these strings; they come in pairs. */
const logged = (log: string, strings: string): string => `local id = string.format('%d-0', count)
local added = redis.pcall('XADD', ${log}, 'MAXLEN', '~', logLength, id, ${strings})
if type(added) == 'table' and added.err then
  -- The bucket's count was lost and the log was not: readers see a gap and start anew.
  call('DEL', ${log})
  call('XADD', ${log}, id, ${strings})
end`;

const AT_ONCE: Writes = {
  due: (ms) => `call('ZADD', dueKey, ${ms}, sub(key, #bucketKey))`,
  named: (name) => `call('ZADD', namesKey, 0, ${name})`,
  ended: (place, entry) => `call('HSET', endedKey, ${place}, ${entry})`,
  passed: (event) => `passed = ${event}`,
  kept: '',
};

/** One of the commonest commands, where nothing else is asked for: no tables, no loops. */
const ALONE = `local letters, first = parse('s', blob, at)
if #letters == 1 and #KEYS == 7 then
  local bucketKey, key, log, dueKey, namesKey, waitersKey, endedKey = unpack(KEYS)
  local kind, raw, at = string.byte(letters), values[2], first
  local count, wanted, known = 0, 0
  if values[1] then count, wanted = parse('<dd', values[1]) end
  local before = count
  local reply, told, passed, isConfirmed, one, two
  if kind == ${byteOf('q')} then
    ${claim(AT_ONCE)}
  elseif kind == ${byteOf('r')} then
    ${release(AT_ONCE)}
  elseif kind == ${byteOf('n')} and raw and #raw > ${HEADER_BYTES + REST_BYTES} then
    ${renew(AT_ONCE)}
  end
  if reply or isConfirmed then
    call('MSET', key, raw, bucketKey, pack('<dd', count, wanted))
    if isLogged then
      local head = pack('<dd', now, before)
      if passed then
        ${logged('log', "head, passed, raw, ''")}
      else
        ${logged('log', 'head, raw')}
      end
      if wanted > now then call('PUBLISH', ns .. ':hint', hint) end
    end
  elseif told then
    call('SET', key, raw)
  end
  if reply then return pack('<dd', us, reply) end
  if told then return { pack('<dd', us, 0), told } end
end`;

const TOGETHER: Writes = {
  due: (ms) => `dues = dues or {}
  dues[dueN + 1], dues[dueN + 2] = ${ms}, sub(key, #bucketKey)
  dueN = dueN + 2`,
  named: (name) => `names = names or {}
  names[#names + 1] = 0
  names[#names + 1] = ${name}`,
  ended: (place, entry) => `ended = ended or { nil, nil }
  ended[endedN + 1], ended[endedN + 2] = ${place}, ${entry}
  endedN = endedN + 2`,
  passed: (event) => `eventN = eventN + 1
  events[eventN] = ${event}`,
  kept: 'if fading then fading[key] = nil end',
};

const BATCH = `
local call, parse, pack, sub, find, char = redis.call, struct.unpack, struct.pack, string.sub, string.find, string.char
local KEYS, blob = KEYS, ARGV[1]
local bucketText, knownText, logLength, ns, hint, at = parse('sssss', blob)
local bucketN = tonumber(bucketText)
local recordN = #KEYS - 6 * bucketN
local now = (us - us % 1000) / 1000
local window = ${ENDED_WINDOW_MS}
local recordAt = bucketN
local knownUs

local values = call('MGET', unpack(KEYS, 1, bucketN + recordN))
local isLogged = logLength ~= '0'
local term, ttlMs

${ALONE}

-- Tables start with room for the calls of one command.
local replies, replyN, texts = { us, nil }, 1
local writes, writeN = { nil, nil, nil, nil }, 0
-- Free records that are given their expiry once they are written, unless they are granted before.
local fading
local isWanted
local any

-- The bucket whose commands are being run.
local bucketKey, dueKey, namesKey, waitersKey, endedKey, count, before, known
local events, eventN, ended, endedN, dues, dueN, names
-- The record at hand.
local key, raw

for b = 1, bucketN do
  local k = bucketN + recordN + 5 * b - 5
  bucketKey, dueKey, namesKey, waitersKey, endedKey = KEYS[b], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4], KEYS[k + 5]
  local wanted = 0
  count = 0
  if values[b] then count, wanted = parse('<dd', values[b]) end
  known = nil
  before = count
  events, eventN = { pack('<dd', now, before), nil }, 1
  endedN, dueN, names = 0, 0, nil
  local letters
  letters, at = parse('s', blob, at)
  local kinds = { string.byte(letters, 1, -1) }
  local n, commandN = 1, #letters
  while n <= commandN do
    local kind, reply, one, two, told, isConfirmed = kinds[n]
    if kind == ${byteOf('=')} then
      n = n + 1
      kind = kinds[n]
    else
      recordAt = recordAt + 1
      key, raw = KEYS[recordAt], values[recordAt]
    end
    if kind == ${byteOf('q')} then
      ${claim(TOGETHER)}
    elseif kind == ${byteOf('r')} then
      ${release(TOGETHER)}
    elseif kind == ${byteOf('n')} and raw and #raw > ${HEADER_BYTES + REST_BYTES} then
      ${renew(TOGETHER)}
    end
    if reply or told then
      writes[writeN + 1], writes[writeN + 2] = key, raw
      writeN = writeN + 2
    end
    if reply or isConfirmed then
      eventN = eventN + 1
      events[eventN] = raw
    end
    reply = reply or told
    if not reply then
      any = any or ${ALL}
      reply = any(kind, one, two)
    end
    replyN = replyN + 1
    if type(reply) == 'string' then
      texts = texts or { '' }
      texts[#texts + 1] = reply
      reply = 0
    end
    replies[replyN] = reply
    n = n + 1
  end

  -- What this bucket's commands changed, in as few writes as there are kinds of it.
  if names then call('ZADD', namesKey, unpack(names)) end
  if dueN > 0 then call('ZADD', dueKey, unpack(dues, 1, dueN)) end
  if endedN > 0 then call('HSET', endedKey, unpack(ended, 1, endedN)) end
  if count > before then
    writes[writeN + 1], writes[writeN + 2] = bucketKey, pack('<dd', count, wanted)
    writeN = writeN + 2
    if isLogged then
      -- An entry is pairs of strings.
      if eventN % 2 == 1 then
        eventN = eventN + 1
        events[eventN] = ''
      end
      ${logged('KEYS[k + 1]', 'unpack(events, 1, eventN)')}
      isWanted = isWanted or wanted > now
    end
  end
end
if writeN > 0 then call('MSET', unpack(writes, 1, writeN)) end
if isWanted then call('PUBLISH', ns .. ':hint', hint) end
if fading then
  -- A free record leaves by itself should nobody ever sweep again; its next write takes that back.
  for key, ms in pairs(fading) do call('PEXPIRE', key, ms) end
end
local codes = pack('<' .. string.rep('d', replyN), unpack(replies, 1, replyN))
if not texts then return codes end
texts[1] = codes
return texts
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
