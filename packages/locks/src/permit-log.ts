// What a bucket's pools went through: every grant, and every end.
import { type EndedHow, fenceOf, type Holder } from './lease.ts';
import type { LockEventType, LoggedLockEvent, LogId, LogPage } from './lock-event.ts';

/** Most events that a log keeps. */
export const KEPT_POOL_EVENTS = 4_096;
export const KEPT_POOL_EVENTS_MS = 600_000;

/** A reading of the events of a log that are kept. */
export function pageOfLog(kept: readonly LoggedLockEvent[], after: LogId | 'start', limit: number): LogPage {
  const events = (after === 'start' ? kept : kept.filter(({ id }) => id > after)).slice(0, limit);
  const first = events[0];
  return {
    events,
    next: events.at(-1)?.id ?? after,
    gap: after !== 'start' && first !== undefined && first.prev !== after,
  };
}

/** An event as the script answers it. */
export type PoolEventWire = readonly [
  id: number,
  prev: number,
  type: LockEventType,
  how: EndedHow | '',
  resource: string,
  leaseId: string,
  facts: string,
  permits: number,
  fence: number,
  atMs: number,
  ttlMs: number,
  untilMs: number,
];

export function poolEventOf(wire: PoolEventWire): LoggedLockEvent {
  const [id, prev, type, how, resource, leaseId, text, permits, fence, atMs, ttlMs, untilMs] = wire;
  const { holder, instance } = JSON.parse(text) as { readonly holder: Holder; readonly instance: string };
  return {
    ...{ type, resource, leaseId, gen: 1, holder, instance, fence: fenceOf(fence), atMs, ttlMs, untilMs, permits },
    ...(how === '' ? {} : { how }),
    id: fenceOf(id),
    prev: prev === 0 ? '' : fenceOf(prev),
    prevOfResource: '',
  };
}

/** KEYS: one log. ARGV: the last event that was read or 0, and how many more. */
export const READ_POOL_LOG = `local after, limit, out = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
local last = redis.call('LINDEX', KEYS[1], -1)
if not last or cmsgpack.unpack(last)[1] <= after then return out end
for _, text in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local event = cmsgpack.unpack(text)
  if event[1] > after and #out < limit then out[#out + 1] = event end
end
return out
`;

/** In the permit script: what happened is noted, and written at the end of the call. */
export const NOTE_POOL_EVENTS = `
local events = {}
local function note(pool, holder, type, how, at)
  pool.name = pool.name or call('HGET', pool.key, 'n')
  events[#events + 1] = { 0, 0, type, how, pool.name, holder.lease, holder.facts, holder.weight, holder.fence, at, holder.ttl, holder.till }
end

local function writeEvents()
  if #events == 0 then return end
  local last = call('LINDEX', logKey, -1)
  local id = last and unpack_(last)[1] or 0
  for _, event in ipairs(events) do
    event[1], event[2] = math.max(id + 1, us), id
    id = event[1]
    call('RPUSH', logKey, pack_(event))
  end
  call('LTRIM', logKey, -${KEPT_POOL_EVENTS}, -1)
  call('PEXPIRE', logKey, ${KEPT_POOL_EVENTS_MS})
end
`;

export const NO_POOL_EVENTS = `
local function note() end
local function writeEvents() end
`;
