// The commonest commands, written out: a claim of what is free, a release, whether or not somebody
// waits, and a renewal
//
// Lua makes the functions of a script anew at every call, which costs more than what one command
// does. So these use none. Each is written once, for a batch and for a command that comes alone:
// they differ in where its writes go. Each finds the record at hand in `key` and `raw` (false: there
// is none), and its fields at `at` of `blob`. When it has done its work, it leaves the record in
// `raw`, and its reply in `reply`, or in `told` a text to be told; where there is more to it than
// the plain case, it has changed nothing and leaves neither.
import { ENDED_WINDOW_MS, OFFER_MS } from './lease-record.ts';
import { AWAY } from './lease-script.commands.ts';
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
  REST,
  REST_BYTES,
  RING,
  SHORT_BYTES,
  STATE,
  stateOf,
} from './lease-script.record.ts';
import { REPLY_CODES } from './lease-store.redis-codec.ts';

/** Lua: where what a command writes beside its record goes. */
export interface Writes {
  /** The sweep has to look at the record at `ms`. */
  due(ms: string): string;
  /** The record's resource is held. */
  named(name: string): string;
  /** Of the record's ring. */
  ended(place: string, entry: string): string;
  /** The event before the one that the record is left as. */
  passed(event: string): string;
  /** The record is not free any more. */
  readonly kept: string;
}

const REST_FORMAT = Object.values(REST).join('');

/**
 * Lua: up to when no id of a first sending of this batch existed. Whose clock was set back, which
 * is told from the count as the batch found it, is looked up for everything.
 */
export const KNOWN = `if not known then
  knownUs = knownUs or tonumber(knownText)
  known = (us >= before and us >= knownUs) and knownUs or -1
end`;

/**
 * Lua: the record's lease is not the claim's own, which a network or a client delivered once more.
 * The first characters say so and make no string; where they are alike, the ids are compared.
 */
const IS_ANOTHER = `parse('<I6', raw, ${HEADER_BYTES + 1}) ~= parse('<I6', two)`;

/** Lua: the next id, which is above all before and not behind the clock. */
const MINTED = `count = count + 1
if count < us then count = us end`;

/** Lua: when a lease that ends now is to be forgotten. */
const FORGET = `local forgetMs = now + (ttl > ${ENDED_WINDOW_MS / 2} and 2 * ttl or window)
if forget > forgetMs then forgetMs = forget end`;

/** Lua: a resource that is granted is put on the names, out of the texts of its claim. */
const listed = ({ named }: Writes): string =>
  named(`'h' .. string.match(two, '^[^\\1]*\\1[^\\1]*\\1[^\\1]*\\1[^\\1]*\\1([^\\1]*)')`);

/** Lua: `entry` goes to the ring, cut off after its ids unless it is short; its texts begin at `from`. */
const shelved = ({ ended }: Writes, entry: string, from: number): string =>
  `${ended(`key .. char(ring % ${RING})`, `#${entry} <= ${SHORT_BYTES} and ${entry} or sub(${entry}, 1, find(${entry}, '\\1', find(${entry}, '\\1', ${from}, true) + 1, true))`)}
ring = ring + 1
if ring == ${2 * RING} then ring = ${RING} end`;

/** Lua: a grant or an offer, whose texts are `two`, is on the names, and due by `endMs`. */
const registered = (writes: Writes, endMs: string): string => `if due <= 0 then
  ${listed(writes)}
  due = -due
end
if due == 0 or ${endMs} < due then
  due = ${endMs}
  ${writes.due(endMs)}
end`;

/** Lua: a claim, made for this sending by a party that does not wait, of what is free. */
export const claim = (writes: Writes): string => `one, two, at = parse('ss', blob, at)
if one ~= term then term, ttlMs = one, tonumber(one) end
local endMs = now + ttlMs
if not raw then
  ${MINTED}
  ${listed(writes)}
  ${writes.due('endMs')}
  raw = ${packed('granted', { state: stateOf(EVENTS.claimed), cursor: 'count', forget: '0', due: 'endMs', untilMs: 'endMs', ttl: 'ttlMs', prev: '0', look: '0', ring: '0', fence: 'count', granted: 'now' }, 'two')}
  reply = count
elseif #raw > ${HEADER_BYTES} then
  ${parsed('ring')}
  ${KNOWN}
  if ${IS_PLAIN_FREE} and look <= known and ${IS_ANOTHER} then
    ${MINTED}
    if state > ${stateOf(EVENTS.none)} then
      ${shelved(writes, 'raw', HEADER_BYTES + 1)}
      look = us
    end
    ${registered(writes, 'endMs')}
    ${writes.kept}
    raw = ${packed('granted', { state: stateOf(EVENTS.claimed), cursor: 'count', untilMs: 'endMs', ttl: 'ttlMs', prev: 'cursor', fence: 'count', granted: 'now' }, 'two')}
    reply = count
  end
end`;

/** Lua: the first in line: its place in the queue as `place`, who it is as `waiter`, if it is there. */
const FIRST_IN_LINE = `local record = sub(key, #bucketKey)
local place = call('ZRANGEBYLEX', namesKey, '[w' .. record .. '\\0', '(w' .. record .. '\\1', 'LIMIT', 0, 1)[1]
local field = place and key .. '\\0' .. sub(place, #record + 13)
local waiter = place and call('HGET', waitersKey, field)`;

/** Lua: a lease that somebody waits for, and nobody asked for or was attached to, is released, and offered to the first in line. */
const handOver = (writes: Writes): string => `${parsed('granted')}
local _, breaking, gen, waiting, ticket = parse('<${REST_FORMAT}', raw, ${HEADER_BYTES + 1})
if breaking == 0 and gen == 1 and waiting > 0 then
  ${FIRST_IN_LINE}
  local dead, theirTtl, from
  if waiter then _, dead, theirTtl, from = parse('<I4I6I4', waiter) end
  if dead and dead > now then
    local to = find(waiter, '\\1', from, true)
    local listener, two = sub(waiter, from, to - 1), sub(waiter, to + 1)
    local lease, request, resource = string.match(two, '^([^\\1]*)\\1([^\\1]*)\\1[^\\1]*\\1[^\\1]*\\1([^\\1]*)')
    ${MINTED}
    local offerMs = now + ${OFFER_MS}
    if listener ~= '' then
      call('PUBLISH', ns .. ':to:' .. listener, lease .. '\\1' .. (request == '' and lease or request) .. '\\1' .. resource .. string.format('\\1%d\\1%d\\1%d', count + 1, now, offerMs))
    end
    call('ZREM', namesKey, place)
    call('HDEL', waitersKey, field)
    ${FORGET}
    forget = forgetMs
    local released = ${packed('granted', { state: `${stateOf(EVENTS.released)} + ${STATE.hasRest}`, cursor: 'count', untilMs: 'now', prev: 'cursor' }, `pack('<${REST_FORMAT}', 0, 0, 1, waiting, ticket) .. sub(raw, ${HEADER_BYTES + REST_BYTES + 1})`)}
    ${writes.passed('released')}
    ${shelved(writes, 'released', HEADER_BYTES + REST_BYTES + 1)}
    ${registered(writes, 'offerMs')}
    waiting = waiting - 1
    if waiting == 0 then ticket = 0 end
    prev = count
    count = count + 1
    raw = ${packed('granted', { state: `${stateOf(EVENTS.offered)} + ${STATE.hasRest}`, cursor: 'count', untilMs: 'offerMs', ttl: 'theirTtl', look: 'us', fence: 'count', granted: 'now' }, `pack('<${REST_FORMAT}', 1, 0, 1, waiting, ticket) .. two`)}
    reply = ${REPLY_CODES.released}
  end
end`;

/** Lua: a release by the holder, of what nobody was asked to give away. */
export const release = (writes: Writes): string => `one, at = parse('s', blob, at)
if raw and #raw > ${HEADER_BYTES} then
  ${parsed('ttl')}
  if ${IS_PLAIN_HELD} and untilMs > now and (forget == 0 or forget > now) and find(raw, one, ${HEADER_BYTES + 1}, true) == ${HEADER_BYTES + 1} then
    ${MINTED}
    ${FORGET}
    if now < due then
      due = now
      ${writes.due('now')}
    end
    raw = ${packed('prev', { state: stateOf(EVENTS.released), cursor: 'count', forget: 'forgetMs', untilMs: 'now', prev: 'cursor' }, behind('prev'))}
    reply = ${REPLY_CODES.released}
  elseif ${IS_WITH_REST_HELD} and #raw > ${HEADER_BYTES + REST_BYTES} and untilMs > now and (forget == 0 or forget > now) and sub(raw, -4) == '\\1\\1\\1\\1' and find(raw, one, ${HEADER_BYTES + REST_BYTES + 1}, true) == ${HEADER_BYTES + REST_BYTES + 1} then
    ${handOver(writes)}
  end
end`;

/**
 * Lua: a lease whose term and connection stay as they are is renewed, and, if it is still an offer,
 * confirmed, which is an event. Where somebody asked for it, or who is first in line is gone,
 * nothing is done.
 */
export const renew = (writes: Writes): string => `local renewed, theirTerm, theirGen, after = parse('sss', blob, at)
${parsed('granted')}
local last = state - ${stateOf(EVENTS.none)}
local texts, offered, breaking, gen, waiting, ticket = ${HEADER_BYTES + 1}, ${Object.values(PLAIN_REST).join(', ')}
if last >= ${STATE.hasRest} then
  last = last - ${STATE.hasRest}
  offered, breaking, gen, waiting, ticket, texts = parse('<${REST_FORMAT}', raw, texts)
end
renewed = renewed .. '\\1'
if last >= ${HELD} and last < ${STATE.hasRest} and breaking == 0 and untilMs > now and due > 0 and theirTerm == '0' and theirGen == '-1'
  and find(raw, renewed, texts, true) == texts and not find(raw, '${AWAY}', texts, true)
  and (offered == 0 or sub(raw, -4) == '\\1\\1\\1\\1') then
  local isFirstAlive = waiting == 0
  if not isFirstAlive then
    ${FIRST_IN_LINE}
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
      ${writes.due('due')}
    end
    if offered == 1 then
      ${MINTED}
      last, prev, cursor, isConfirmed = ${EVENTS.claimed}, cursor, count, true
    end
    texts = sub(raw, texts)
    if waiting > 0 or gen ~= 1 then
      last = last + ${STATE.hasRest}
      texts = pack('<${REST_FORMAT}', 0, 0, gen, waiting, ticket) .. texts
    end
    raw = ${packed('granted', { state: `${stateOf(EVENTS.none)} + last` }, 'texts')}
    told = 'n' .. raw
  end
end`;
