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
// ARGV: the fields, each ended by a zero byte: number of buckets; server's microseconds of the last reply before the first sendings of this batch; log length, or 0;
// namespace; numbers of the buckets; then per bucket the letters of its commands and the fields of
// each. A letter after `=` is of the same record as the one before.
// The reply is numbers of 8 bytes: the server's microseconds, and per command a code or a fence,
// which is above any code. 0 stands for a text: then the reply is an array, of these numbers and
// the texts in their order.
//
// All reads are one MGET, all writes one MSET. Lua makes the functions of a script anew at every
// call, which costs more than what one command does. So the commonest commands, a claim of what is
// free, a release, whether or not somebody waits, and a renewal, are written out where they are met;
// the functions are made when another command is.
import { ENDED_WINDOW_MS, OFFER_MS } from './lease-record.ts';
import { AWAY, CODES, COMMANDS } from './lease-script.commands.ts';
import {
  behind,
  EVENTS,
  HEADER_BYTES,
  HELD,
  IS_PLAIN_FREE,
  IS_PLAIN_HELD,
  IS_WITH_REST_HELD,
  PLAIN_REST,
  packed,
  parsed,
  RECORD,
  REST,
  REST_BYTES,
  RING,
  SHORT_BYTES,
  STATE,
  stateOf,
} from './lease-script.record.ts';
import { TAKEOVERS } from './lease-script.takeover.ts';
import { LETTERS, REPLY_CODES } from './lease-store.redis-codec.ts';
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

/** Lua: up to when no id of a first sending of this batch existed; whose clock was set back is looked up for everything. */
const KNOWN = `if not known then
          knownUs = knownUs or tonumber(knownText)
          known = (us >= count and us >= knownUs) and knownUs or -1
        end`;

/**
 * Lua: the record's lease is not the claim's own, which a network or a client delivered once more.
 * The first characters say so and make no string; where they are alike, the ids are compared.
 */
const IS_ANOTHER = `parse('<I6', raw, ${HEADER_BYTES + 1}) ~= parse('<I6', two)`;

/** Every command, whatever it meets. */
const ALL = `(function()
${CODES}${RECORD}${COMMANDS}${TAKEOVERS}
local formats = { ${formats} }
local function general(kind, one, two, three, four, five)
  ended = ended or {}
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

/** Lua: a resource that is granted is put on the names, out of the texts of its claim. */
const LISTED = `names = names or {}
            names[#names + 1] = 0
            names[#names + 1] = 'h' .. string.match(two, '^[^\\1]*\\1[^\\1]*\\1[^\\1]*\\1[^\\1]*\\1([^\\1]*)')`;

/**
 * Lua: a lease that somebody waits for, and nobody asked for or was attached to, is released, and
 * offered to the first in line. Where that is not all there is to it, nothing is done.
 */
const HAND_OVER = `${parsed('granted')}
          local _, breaking, gen, waiting, ticket = parse('<${Object.values(REST).join('')}', raw, ${HEADER_BYTES + 1})
          local record = sub(key, #bucketKey)
          local place, waiter
          if breaking == 0 and gen == 1 and waiting > 0 then
            place = call('ZRANGEBYLEX', namesKey, '[w' .. record .. '\\0', '(w' .. record .. '\\1', 'LIMIT', 0, 1)[1]
          end
          local field = place and key .. '\\0' .. sub(place, #record + 13)
          if place then waiter = call('HGET', waitersKey, field) end
          local dead, theirTtl, from
          if waiter then _, dead, theirTtl, from = parse('<I4I6I4', waiter) end
          if dead and dead > now then
            local to = find(waiter, '\\1', from, true)
            local listener, two = sub(waiter, from, to - 1), sub(waiter, to + 1)
            local lease, request, resource = string.match(two, '^([^\\1]*)\\1([^\\1]*)\\1[^\\1]*\\1[^\\1]*\\1([^\\1]*)')
            count = count + 1
            if count < us then count = us end
            local offerMs = now + ${OFFER_MS}
            if listener ~= '' then
              call('PUBLISH', ns .. ':to:' .. listener, lease .. '\\1' .. (request == '' and lease or request) .. '\\1' .. resource .. string.format('\\1%d\\1%d\\1%d', count + 1, now, offerMs))
            end
            call('ZREM', namesKey, place)
            call('HDEL', waitersKey, field)
            local forgetMs = now + (ttl > ${ENDED_WINDOW_MS / 2} and 2 * ttl or window)
            if forget > forgetMs then forgetMs = forget end
            forget = forgetMs
            local released = ${packed('granted', { state: `${stateOf(EVENTS.released)} + ${STATE.hasRest}`, cursor: 'count', untilMs: 'now', prev: 'cursor' }, `pack('<${Object.values(REST).join('')}', 0, 0, 1, waiting, ticket) .. sub(raw, ${HEADER_BYTES + REST_BYTES + 1})`)}
            eventN = eventN + 1
            events[eventN] = released
            ended = ended or { nil, nil }
            ended[endedN + 1], ended[endedN + 2] = key .. char(ring % ${RING}), #released <= ${SHORT_BYTES} and released or sub(released, 1, find(released, '\\1', find(released, '\\1', ${HEADER_BYTES + REST_BYTES + 1}, true) + 1, true))
            endedN = endedN + 2
            ring = ring + 1
            if ring == ${2 * RING} then ring = ${RING} end
            if due <= 0 then
              ${LISTED}
              due = -due
            end
            if due == 0 or offerMs < due then
              due = offerMs
              dues = dues or {}
              dues[dueN + 1], dues[dueN + 2] = offerMs, record
              dueN = dueN + 2
            end
            waiting = waiting - 1
            if waiting == 0 then ticket = 0 end
            prev = count
            count = count + 1
            raw = ${packed('granted', { state: `${stateOf(EVENTS.offered)} + ${STATE.hasRest}`, cursor: 'count', untilMs: 'offerMs', ttl: 'theirTtl', look: 'us', fence: 'count', granted: 'now' }, `pack('<${Object.values(REST).join('')}', 1, 0, 1, waiting, ticket) .. two`)}
            reply = ${REPLY_CODES.released}
          end`;

/**
 * Lua: a lease whose term and connection stay as they are is renewed, and confirmed if it is still
 * an offer. Where somebody asked for it, or who is first in line is gone, nothing is done.
 */
const RENEW = `local renewed, theirTerm, theirGen, after = parse('sss', blob, at)
      ${parsed('granted')}
      local last = state - ${stateOf(EVENTS.none)}
      local texts, offered, breaking, gen, waiting, ticket = ${HEADER_BYTES + 1}, ${Object.values(PLAIN_REST).join(', ')}
      if last >= ${STATE.hasRest} then
        last = last - ${STATE.hasRest}
        offered, breaking, gen, waiting, ticket, texts = parse('<${Object.values(REST).join('')}', raw, texts)
      end
      renewed = renewed .. '\\1'
      if last >= ${HELD} and last < ${STATE.hasRest} and breaking == 0 and untilMs > now and due > 0 and theirTerm == '0' and theirGen == '-1'
        and find(raw, renewed, texts, true) == texts and not find(raw, '${AWAY}', texts, true)
        and (offered == 0 or sub(raw, -4) == '\\1\\1\\1\\1') then
        local isFirstAlive = waiting == 0
        if not isFirstAlive then
          local record = sub(key, #bucketKey)
          local place = call('ZRANGEBYLEX', namesKey, '[w' .. record .. '\\0', '(w' .. record .. '\\1', 'LIMIT', 0, 1)[1]
          local waiter = place and call('HGET', waitersKey, key .. '\\0' .. sub(place, #record + 13))
          if waiter then
            local _, dead = parse('<I4I6', waiter)
            isFirstAlive = dead > now
          end
        end
        if isFirstAlive then
          at = after
          untilMs = now + ttl
          if untilMs < due then
            due = untilMs
            dues = dues or {}
            dues[dueN + 1], dues[dueN + 2] = due, sub(key, #bucketKey)
            dueN = dueN + 2
          end
          if offered == 1 then
            count = count + 1
            if count < us then count = us end
            last, prev, cursor = ${EVENTS.claimed}, cursor, count
          end
          texts = sub(raw, texts)
          if waiting > 0 or gen ~= 1 then
            last = last + ${STATE.hasRest}
            texts = pack('<${Object.values(REST).join('')}', 0, 0, gen, waiting, ticket) .. texts
          end
          raw = ${packed('granted', { state: `${stateOf(EVENTS.none)} + last` }, 'texts')}
          told = 'n' .. raw
          if offered == 1 then
            eventN = eventN + 1
            events[eventN] = raw
          end
          writes[writeN + 1], writes[writeN + 2] = key, raw
          writeN = writeN + 2
        end
      end`;

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
-- Tables start with room for the calls of one command.
local replies, replyN, texts = { us, nil }, 1
local writes, writeN = { nil, nil, nil, nil }, 0
local term, ttlMs
-- Free records that are given their expiry once they are written, unless they are granted before.
local fading
local isLogged = logLength ~= '0'
local any

-- The bucket whose commands are being run.
local bucketKey, dueKey, namesKey, waitersKey, endedKey, count, known
local events, eventN, ended, endedN, dues, dueN
-- The record at hand.
local key, raw

for b = 1, bucketN do
  local k = bucketN + recordN + 5 * b - 5
  bucketKey, dueKey, namesKey, waitersKey, endedKey = KEYS[b], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4], KEYS[k + 5]
  count = 0
  if values[b] then count = parse('<d', values[b]) end
  known = nil
  local before = count
  events, eventN = { pack('<dd', now, before), nil }, 1
  endedN, dueN = 0, 0
  local letters, names
  letters, at = parse('s', blob, at)
  local kinds = { string.byte(letters, 1, -1) }
  local n, commandN = 1, #letters
  while n <= commandN do
    local kind, reply, one, two, told = kinds[n]
    if kind == ${byteOf('=')} then
      n = n + 1
      kind = kinds[n]
    else
      recordAt = recordAt + 1
      key, raw = KEYS[recordAt], values[recordAt]
    end
    if kind == ${byteOf('q')} then
      one, two, at = parse('ss', blob, at)
      if one ~= term then term, ttlMs = one, tonumber(one) end
      local endMs = now + ttlMs
      if not raw then
        count = count + 1
        if count < us then count = us end
        ${LISTED}
        dues = dues or {}
        dues[dueN + 1], dues[dueN + 2] = endMs, sub(key, #bucketKey)
        dueN = dueN + 2
        raw = ${packed('granted', { state: stateOf(EVENTS.claimed), cursor: 'count', forget: '0', due: 'endMs', untilMs: 'endMs', ttl: 'ttlMs', prev: '0', look: '0', ring: '0', fence: 'count', granted: 'now' }, 'two')}
        reply = count
      elseif #raw > ${HEADER_BYTES} then
        ${parsed('ring')}
        ${KNOWN}
        if ${IS_PLAIN_FREE} and look <= known and ${IS_ANOTHER} then
          count = count + 1
          if count < us then count = us end
          if state > ${stateOf(EVENTS.none)} then
            ended = ended or { nil, nil }
            ended[endedN + 1], ended[endedN + 2] = key .. char(ring % ${RING}), #raw <= ${SHORT_BYTES} and raw or sub(raw, 1, find(raw, '\\1', find(raw, '\\1', ${HEADER_BYTES + 1}, true) + 1, true))
            endedN = endedN + 2
            ring = ring + 1
            if ring == ${2 * RING} then ring = ${RING} end
            look = us
          end
          if due <= 0 then
            ${LISTED}
            due = -due
          end
          if due == 0 or endMs < due then
            due = endMs
            dues = dues or {}
            dues[dueN + 1], dues[dueN + 2] = endMs, sub(key, #bucketKey)
            dueN = dueN + 2
          end
          if fading then fading[key] = nil end
          raw = ${packed('granted', { state: stateOf(EVENTS.claimed), cursor: 'count', untilMs: 'endMs', ttl: 'ttlMs', prev: 'cursor', fence: 'count', granted: 'now' }, 'two')}
          reply = count
        end
      end
    elseif kind == ${byteOf('r')} then
      one, at = parse('s', blob, at)
      if raw and #raw > ${HEADER_BYTES} then
        ${parsed('ttl')}
        if ${IS_PLAIN_HELD} and untilMs > now and (forget == 0 or forget > now) and find(raw, one, ${HEADER_BYTES + 1}, true) == ${HEADER_BYTES + 1} then
          count = count + 1
          if count < us then count = us end
          local forgetMs = now + (ttl > ${ENDED_WINDOW_MS / 2} and 2 * ttl or window)
          if forget > forgetMs then forgetMs = forget end
          if now < due then
            due = now
            dues = dues or {}
            dues[dueN + 1], dues[dueN + 2] = now, sub(key, #bucketKey)
            dueN = dueN + 2
          end
          raw = ${packed('prev', { state: stateOf(EVENTS.released), cursor: 'count', forget: 'forgetMs', untilMs: 'now', prev: 'cursor' }, behind('prev'))}
          reply = ${REPLY_CODES.released}
        elseif ${IS_WITH_REST_HELD} and #raw > ${HEADER_BYTES + REST_BYTES} and untilMs > now and (forget == 0 or forget > now) and sub(raw, -4) == '\\1\\1\\1\\1' and find(raw, one, ${HEADER_BYTES + REST_BYTES + 1}, true) == ${HEADER_BYTES + REST_BYTES + 1} then
          ${HAND_OVER}
        end
      end
    elseif kind == ${byteOf('n')} and raw and #raw > ${HEADER_BYTES + REST_BYTES} then
      ${RENEW}
    end
    if reply then
      writes[writeN + 1], writes[writeN + 2] = key, raw
      writeN = writeN + 2
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
    writes[writeN + 1], writes[writeN + 2] = bucketKey, pack('<d', count)
    writeN = writeN + 2
    if isLogged then
      local id = string.format('%d-0', count)
      -- An entry is pairs of strings.
      if eventN % 2 == 1 then
        eventN = eventN + 1
        events[eventN] = ''
      end
      local log = KEYS[k + 1]
      local added = redis.pcall('XADD', log, 'MAXLEN', '~', logLength, id, unpack(events, 1, eventN))
      if type(added) == 'table' and added.err then
        -- The bucket's count was lost and the log was not: readers see a gap and start anew.
        call('DEL', log)
        call('XADD', log, id, unpack(events, 1, eventN))
      end
    end
  end
end
if writeN > 0 then
  call('MSET', unpack(writes, 1, writeN))
  if isLogged then call('PUBLISH', ns .. ':hint', hint) end
end
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
