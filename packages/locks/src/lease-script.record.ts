// The record of one resource, as the lease script reads and writes it
//
// A header of numbers, then texts that each end in a byte 1. A script pays for bytes and for
// strings: Redis's Lua hashes every byte of every string it makes, and numbers make none. So the
// header is one reading and one writing of `struct`, and the texts of a lease are one string, just
// as its claim sent them, which a grant puts behind a new header and a release behind another.
//
//   RB1  A free record keeps the lease that it last had: `last` says how that ended.
//   RB2  The lease before is in the bucket's `ended`, under the record's key and a place in a ring
//        of RING: the record as its end left it, cut off after its ids unless it is short.
//   RB3  A record as an event left it is that event in the bucket's log.
//   RB4  `rest` is PLAIN unless somebody waits, an offer or a takeover stands, or a connection was
//        attached: then the script needs none of its functions for a claim or a release.
//   RB5  A claim that is sent for the first time reads nothing of the ring, whatever else its
//        batch does: its id was made after all that the ring tells had ended.
import { MAX_ENDED } from './lease-record.ts';

/** Of the form below. A record of another is refused: this cannot read it. */
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

/** What a record's `state` is made of: its version, whether `rest` is there, its latest event. */
export const STATE = { version: 256, hasRest: 128 } as const;
const FORM = RECORD_VERSION * STATE.version;

/**
 * In this order, in a record's first bytes. Times in milliseconds, `look` and the ids in
 * microseconds. What a release changes comes first, what a claim need not know last: `struct`
 * costs by the number.
 */
export const HEADER = {
  state: 'H',
  /** Id of the latest event. */
  cursor: 'd',
  /** When all that is remembered of ended leases is past its window. */
  forget: 'd',
  /** Its score in the bucket's `due`, when the sweep has to look; below 0 while it is not in `names`; 0: in neither. */
  due: 'd',
  /** End of the term; of a free record, when its lease ended. */
  untilMs: 'd',
  ttl: 'I',
  /** Id of the event before the latest. */
  prev: 'd',
  /** Whatever the ring tells had ended by then. */
  look: 'd',
  /** How many were put in the ring, up to RING; from there on, RING and where the next one goes. */
  ring: 'H',
  fence: 'd',
  granted: 'd',
} as const;

/** After the header, unless it is that of a lease that nobody waits for and nobody attached to. */
export const REST = {
  offered: 'B',
  /** 1: a takeover is asked for. */
  breaking: 'B',
  gen: 'I',
  waiting: 'H',
  /** Of the latest waiter; starts anew when none is left. */
  ticket: 'I',
} as const;
export const PLAIN_REST = { offered: 0, breaking: 0, gen: 1, waiting: 0, ticket: 0 } as const;

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

/** A record this short is not worth cutting. */
export const SHORT_BYTES = 192;

/** Ended leases beside the one that a free record keeps. */
export const RING = MAX_ENDED - 1;

const WIDTHS = { B: 1, H: 2, I: 4, d: 8 } as const;
type Code = keyof typeof WIDTHS;
const format = (fields: object): string => Object.values(fields).join('');
const names = (fields: object): string => Object.keys(fields).join(', ');
const bytesOf = (fields: Readonly<Record<string, Code>>): number =>
  Object.values(fields).reduce((sum, code) => sum + WIDTHS[code], 0);
function placesIn<F extends string>(fields: Readonly<Record<F, Code>>): Readonly<Record<F, number>> {
  let next = 0;
  const places: Record<string, number> = {};
  for (const [name, code] of Object.entries<Code>(fields)) {
    places[name] = next;
    next += WIDTHS[code];
  }
  return places as Record<F, number>;
}

export const HEADER_BYTES = bytesOf(HEADER);
export const REST_BYTES = bytesOf(REST);
/** Where each number lies. */
export const at = placesIn(HEADER);
export const restAt = placesIn(REST);

type Field = keyof typeof HEADER;
const order = Object.keys(HEADER) as Field[];

/** Lua: the numbers of `raw` from the first up to `last`, into local variables of their names. */
export function parsed(last: Field): string {
  const some = order.slice(0, order.indexOf(last) + 1);
  return `local ${some.join(', ')} = parse('<${some.map((name) => HEADER[name]).join('')}', raw)`;
}
/** Lua: a record of these texts, and of numbers up to `last`; what follows is in the texts. */
export function packed(last: Field, fields: Partial<Record<Field, string>>, texts: string): string {
  const some = order.slice(0, order.indexOf(last) + 1);
  const values = some.map((name) => fields[name] ?? name);
  return `pack('<${some.map((name) => HEADER[name]).join('')}c0', ${values.join(', ')}, ${texts})`;
}
/** Lua: what lies behind the number `last`. */
export function behind(last: Field): string {
  return `sub(raw, ${at[last] + WIDTHS[HEADER[last]] + 1})`;
}
/** Lua: the state of a record whose `rest` is left out. */
export const stateOf = (code: number): string => `${FORM + code}`;
/** Lua: whether `state` is of this form, without `rest`, of a free or a held record. */
export const IS_PLAIN_FREE = `state >= ${FORM} and state < ${FORM + HELD}`;
export const IS_PLAIN_HELD = `state >= ${FORM + HELD} and state < ${FORM + STATE.hasRest}`;
export const IS_WITH_REST_HELD = `state >= ${FORM + STATE.hasRest + HELD} and state < ${FORM + STATE.version}`;

const PLAIN_VALUES = Object.values(PLAIN_REST).join(', ');

/** Lua: the next of `texts`, into `name`. A pattern would cost by the character. */
export const taken = (name: string, texts: string): string =>
  `to = find(${texts}, '\\1', from, true); ${name} = sub(${texts}, from, to - 1); from = to + 1`;

/** Functions over the record at hand, whose header the batch keeps in local variables. */
export const RECORD = `
local match, format = string.match, string.format
local ${names(HEADER)}
-- The latest event, out of the state.
local last
local ${names(REST)}
local ${TEXTS.join(', ')}
local isChanged

local function read(texts)
  local from, to = 1
  ${TEXTS.map((name) => taken(name, 'texts')).join('\n  ')}
end

-- False when the record is of a form that this cannot read.
local function load()
  isChanged = false
  ${names(REST)} = ${PLAIN_VALUES}
  if not raw then
    ${order
      .map((name) => (name === 'state' ? `${FORM}` : '0'))
      .join(', ')
      .replace(/^/, `${order.join(', ')} = `)}
    last = 0
    ${TEXTS.join(', ')} = ${TEXTS.map(() => "''").join(', ')}
    return true
  end
  if #raw <= ${HEADER_BYTES} then return false end
  ${order.join(', ')} = parse('<${format(HEADER)}', raw)
  if state < ${FORM} or state >= ${FORM + STATE.version} then return false end
  last = state - ${FORM}
  local texts = ${HEADER_BYTES + 1}
  if last >= ${STATE.hasRest} then
    last = last - ${STATE.hasRest}
    ${names(REST)}, texts = parse('<${format(REST)}', raw, texts)
  end
  read(sub(raw, texts))
  return true
end

local function write()
  state = ${FORM} + last
  local texts = table.concat({ ${TEXTS.join(', ')}, '' }, '\\1')
  if offered + breaking + waiting > 0 or gen ~= 1 then
    state = state + ${STATE.hasRest}
    texts = pack('<${format(REST)}', ${names(REST)}) .. texts
  end
  raw = ${packed('granted', {}, 'texts')}
end

-- Its turn with the sweep: at a lapse; at once, to take what is free off the names; at the end of
-- what is remembered. An entry that is early is put right when it is found.
local function put()
  local need, isListed = untilMs, due > 0
  if last < ${HELD} then
    need = isListed and now or forget
  else
    if not isListed then call('ZADD', namesKey, 0, 'h' .. resource) end
    if breaking == 1 then
      local asked = cjson.decode(breakingText)
      need = math.min(need, asked.dead, asked.stage == 'asked' and asked.answerBy or need)
    end
  end
  local stands = math.abs(due)
  if stands == 0 or need < stands then
    stands = need
    call('ZADD', dueKey, need, sub(key, #bucketKey))
  end
  due = (isListed or last >= ${HELD}) and stands or -stands
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

-- A record as far as its ids, which is all that the ring tells.
local function cut()
  local from = state >= ${FORM + STATE.hasRest} and ${HEADER_BYTES + REST_BYTES + 1} or ${HEADER_BYTES + 1}
  return sub(raw, 1, find(raw, '\\1', find(raw, '\\1', from, true) + 1, true))
end

-- The lease that the record keeps makes room for the next.
local function shelve()
  if last > 0 then enterRing(#raw <= ${SHORT_BYTES} and raw or cut()) end
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
  enterRing(${packed('granted', { state: `${FORM} + how`, cursor: '0', forget: '0', due: '0', untilMs: 'now', ttl: '0', prev: '0', look: '0', ring: '0', fence: '0', granted: '0' }, 'id')})
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
      ${parsed('fence')}
      local from = state >= ${FORM + STATE.hasRest} and ${HEADER_BYTES + REST_BYTES + 1} or ${HEADER_BYTES + 1}
      local lease, request = match(raw, '^([^\\1]*)\\1([^\\1]*)\\1', from)
      if isIt(lease, request == '' and lease or request) then return (state - ${FORM}) % ${STATE.hasRest}, fence end
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
  if due > 0 then call('ZREM', namesKey, 'h' .. resource) end
  call('ZREM', dueKey, sub(key, #bucketKey))
  while writeN > 0 and writes[writeN - 1] == key do
    writes[writeN], writes[writeN - 1] = nil, nil
    writeN = writeN - 2
  end
  call('DEL', key)
  raw = false
end
`;
