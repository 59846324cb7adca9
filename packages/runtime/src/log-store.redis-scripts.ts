// The scripts of the Redis LogStore.
import { clockPrelude, logPrelude, stampPrelude } from './redis-scripts.ts';

/** KEYS log. ARGV type, data, … Answers prev, atMs, ids. */
export const appendScript = `${clockPrelude}${stampPrelude}${logPrelude}
local prev = lastOf(KEYS[1])
local answer = {prev, string.format('%.0f', nowMs)}
for i = 1, #ARGV, 2 do
  prev = append(KEYS[1], prev, ARGV[i], ARGV[i + 1])
  answer[#answer + 1] = prev
end
return answer
`;

/**
 * KEYS log. ARGV after, limit. A cursor is known when its event is kept, or when it is the one
 * before the oldest kept; every other is gone.
 */
export const readScript = `
local after, limit = ARGV[1], tonumber(ARGV[2])
if after ~= '' and after ~= 'none' then
  local found = redis.call('XRANGE', KEYS[1], after .. '-0', '+', 'COUNT', limit + 1)
  if found[1] and found[1][1] == after .. '-0' then
    table.remove(found, 1)
    return {'events', found}
  end
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if after ~= '' and not (oldest and oldest[2][2] == after) then return {'gone', oldest and string.sub(oldest[1], 1, 16) or ''} end
return {'events', redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', limit)}
`;
