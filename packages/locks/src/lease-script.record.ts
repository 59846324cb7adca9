// The record of one resource, as the lease script reads and writes it
//
// A header of numbers, then texts that each end in a byte 1. A script pays for bytes and for
// strings: Redis's Lua hashes every byte of every string it makes, and numbers make none. So the
// header is one reading and one writing of `struct`, and the texts of a lease are one string, just
// as its claim sent them, which a grant puts behind a new header and a release behind another.
//
//   RC1  A free record keeps the lease that it last had: `last` says how that ended.
//   RC2  The lease before is in the bucket's `ended`, under the record's key and a place in a ring
//        of RING: the record as its end left it, cut off after its ids.
//   RC3  A record as an event left it is that event in the bucket's log.
//   RC4  `rest` is PLAIN unless somebody waits, an offer or a takeover stands, or a connection was
//        attached: then the script needs none of its functions for a claim or a release.
import { MAX_ENDED } from './lease-record.ts';

/** First byte of every record. Another is refused: it was written by a version that this cannot read. */
export const RECORD_VERSION = 2;

/** The latest event of a record. Below HELD: how its lease ended, or that it never had one. */
export const EVENTS = {
  none: 0,
  released: 1,
  expired: 2,
  revoked: 3,
  cancelled: 4,
  unconfirmed: 5,
  'handed-over': 6,
  denied: 7,
  claimed: 16,
  offered: 17,
  away: 18,
  back: 19,
  'takeover-requested': 20,
  'takeover-denied': 21,
  'taken-over': 22,
} as const;
export const HELD = 16;

/** In this order, in a record's first bytes. Times in milliseconds, `look` and the ids in microseconds. */
export const HEADER = {
  version: 'B',
  /** Code of the latest event. */
  last: 'B',
  /** 1: in the bucket's `names`. */
  listed: 'B',
  ttl: 'I4',
  fence: 'I7',
  /** Ids of the latest event and of the one before. */
  cursor: 'I7',
  prev: 'I7',
  granted: 'I6',
  /** End of the term; of a free record, when its lease ended. */
  untilMs: 'I6',
  /** Its score in the bucket's `due`, when the sweep has to look; 0: not in it. */
  due: 'I6',
  /** When all that is remembered of ended leases is past its window. */
  forget: 'I6',
  /** Whatever the ring tells had ended by then. */
  look: 'I7',
  /** How many were put in the ring, up to RING; from there on, RING and where the next one goes. */
  ring: 'H',
  /** Length of the texts that are ids. */
  ids: 'H',
  rest: 'c12',
} as const;

export const REST = {
  offered: 'B',
  /** 1: a takeover is asked for. */
  breaking: 'B',
  gen: 'I4',
  waiting: 'H',
  /** Of the latest waiter; starts anew when none is left. */
  ticket: 'I4',
} as const;

/** After the header. A request id that is empty is the lease id. */
export const TEXTS = [
  'lease',
  'request',
  'holder',
  'instance',
  'resource',
  /** `=` and the holder's name, where there is one. */
  'name',
  'meta',
  'link',
  'breakingText',
  'handed',
] as const;

/** Ended leases beside the one that a free record keeps. */
export const RING = MAX_ENDED - 1;

const format = (fields: object): string => `<${Object.values(fields).join('')}`;
const names = (fields: object): string => Object.keys(fields).join(', ');
const width = (code: string): number => (code === 'B' ? 1 : code === 'H' ? 2 : Number(code.slice(1)));

export const HEADER_BYTES = Object.values(HEADER).reduce((sum, code) => sum + width(code), 0);
export const HEADER_NAMES = names(HEADER);
export const REST_NAMES = names(REST);

/** Where each number of the header lies. */
export const at = Object.fromEntries(
  Object.entries(HEADER).map(([name], index, all) => [
    name,
    all.slice(0, index).reduce((sum, [, code]) => sum + width(code), 0),
  ]),
) as Readonly<Record<keyof typeof HEADER, number>>;

/** Lua: the header of `raw`. */
export const PARSED = `parse('${format(HEADER)}', raw)`;
/** Lua: a header, with some of its fields as expressions of their own. */
export function packed(fields: Partial<Record<keyof typeof HEADER, string>>): string {
  const values = Object.keys(HEADER).map((name) =>
    name === 'version' ? `${RECORD_VERSION}` : (fields[name as keyof typeof HEADER] ?? name),
  );
  return `pack('${format(HEADER)}', ${values.join(', ')})`;
}
/** Lua: `rest` of a lease that nobody waits for, whose connection nobody attached. */
export const PLAIN = `'\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0'`;
/** Lua: the header of a resource of which nothing is stored. */
export const NOTHING = Object.keys(HEADER)
  .map((name) => (name === 'version' ? `${RECORD_VERSION}` : name === 'rest' ? PLAIN : '0'))
  .join(', ');

const CAPTURES = TEXTS.map(() => '([^\\1]*)\\1').join('');
const ZEROS = TEXTS.map(() => "''").join(', ');

/** Functions over the record at hand, whose header the batch keeps in local variables. */
export const RECORD = `
local match, format = string.match, string.format
local ${REST_NAMES}
local ${TEXTS.join(', ')}
local isChanged

local function read(texts)
  ${TEXTS.join(', ')} = match(texts, '^${CAPTURES}')
end

local function load()
  ${REST_NAMES} = parse('${format(REST)}', rest)
  isChanged = false
  if raw then read(sub(raw, ${HEADER_BYTES + 1})) else ${TEXTS.join(', ')} = ${ZEROS} end
end

local function write()
  rest = pack('${format(REST)}', ${REST_NAMES})
  ids = #lease + #request + 2
  raw = ${packed({})} .. table.concat({ ${TEXTS.join(', ')}, '' }, '\\1')
end

-- Its turn with the sweep: at a lapse; at once, to take what is free off the names; at the end of
-- what is remembered. An entry that is early is put right when it is found.
local function put()
  local need = untilMs
  if last < ${HELD} then
    need = listed == 1 and now or forget
  elseif listed == 0 then
    listed = 1
    call('ZADD', namesKey, 0, 'h' .. resource)
  end
  if due == 0 or need < due then
    due = need
    call('ZADD', dueKey, need, sub(key, #bucketKey))
  end
  write()
  writes[writeN + 1], writes[writeN + 2] = key, raw
  writeN = writeN + 2
end

local function mint()
  count = count + 1
  if count < us then count = us end
  return count
end

-- The record as it stands is an event; facts is JSON of what a record does not tell.
local function log(kind, facts, id)
  last, prev, cursor = kind, cursor, id or mint()
  isChanged = true
  write()
  eventN = eventN + 1
  events[eventN] = raw
  if facts and facts ~= '' then
    eventN = eventN + 1
    events[eventN] = facts
  end
end

local function place(n)
  return key .. char(n % ${RING})
end

local function enterRing(entry)
  endedN = endedN + 2
  ended[endedN - 1], ended[endedN] = place(ring), entry
  ring = ring + 1
  if ring == ${2 * RING} then ring = ${RING} end
  look = us
end

-- What was entered in this batch is not yet in the hash.
local function flushRing()
  if endedN == 0 then return end
  call('HSET', endedKey, unpack(ended, 1, endedN))
  endedN = 0
end

-- The lease that the record keeps makes room for the next.
local function shelve()
  if last > 0 then enterRing(sub(raw, 1, ${HEADER_BYTES} + ids)) end
end

local function emptyRing()
  flushRing()
  local places = {}
  for n = 1, ring < ${RING} and ring or ${RING} do places[n] = place(n - 1) end
  if ring > 0 then call('HDEL', endedKey, unpack(places)) end
  ring = 0
end

local function rememberUntil(ms)
  -- What is past its window is not remembered anew.
  if forget <= now then
    emptyRing()
    if last < ${HELD} then last, lease, request = 0, '', '' end
  end
  if forget < ms then forget = ms end
end

-- The end of a request that never got a lease.
local function rememberRequest(request, how)
  rememberUntil(now + window)
  local id = '\\1' .. request .. '\\1'
  enterRing(${packed({ last: 'how', listed: '0', ttl: '0', fence: '0', cursor: '0', prev: '0', granted: '0', untilMs: 'now', due: '0', look: '0', ring: '0', ids: '#id', rest: PLAIN })} .. id)
  isChanged = true
end

-- The entry of the ring that \`isIt\` takes: its code, fence and time.
local function inRing(isIt)
  if ring == 0 or forget <= now then return end
  flushRing()
  local places = {}
  for n = 1, ring < ${RING} and ring or ${RING} do places[n] = place(n - 1) end
  local entries = call('HMGET', endedKey, unpack(places))
  for _, raw in ipairs(entries) do
    if raw then
      local ${HEADER_NAMES} = ${PARSED}
      local lease, request = match(raw, '^([^\\1]*)\\1([^\\1]*)\\1', ${HEADER_BYTES + 1})
      if isIt(lease, request == '' and lease or request) then return last, fence end
    end
  end
end

-- How the lease of a request ended, as a code, or nil.
local function endedRequest(id, isFirst)
  if last > 0 and last < ${HELD} and forget > now and (request == '' and lease or request) == id then return last end
  -- An id that was made for this very sending cannot have ended before it was made.
  if isFirst and look <= known then return end
  return (inRing(function(_, request) return request == id end))
end

-- How a lease ended, as its former holder is told: ENDED's code.
local function endedHow(id)
  local how, theirs
  if id ~= '' then
    if last > 0 and last < ${HELD} and forget > now and lease == id then
      how, theirs = last, fence
    else
      how, theirs = inRing(function(lease) return lease == id end)
    end
  end
  if not how then return ${'ENDED.unknown'} end
  if how == ${EVENTS.released} or how == ${EVENTS.cancelled} then return ENDED.released end
  if how == ${EVENTS.revoked} then return ENDED.revoked end
  return fence > theirs and ENDED.superseded or ENDED.expired
end

-- Lets go of what is past its window: nothing is left of the resource.
local function forgetAll()
  emptyRing()
  if listed == 1 then call('ZREM', namesKey, 'h' .. resource) end
  call('ZREM', dueKey, sub(key, #bucketKey))
  while writeN > 0 and writes[writeN - 1] == key do
    writes[writeN], writes[writeN - 1] = nil, nil
    writeN = writeN - 2
  end
  call('DEL', key)
  raw = false
end
`;
