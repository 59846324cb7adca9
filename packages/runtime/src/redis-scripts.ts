// Parts that store scripts begin with. What time it is, `us`, their namespace says (`timed`).

export const clockPrelude = `
local nowMs = (us - us % 1000) / 1000
`;

/**
 * After the clock. `after(previous)`: the next stamp, max(previous + 1, clock). Stamps are 16-digit text and
 * pass 2^53 one day, so the sum is made in two halves.
 */
export const stampPrelude = `
local nowMicros = string.format('%016.0f', us)
local function after(previous)
  if previous < nowMicros then return nowMicros end
  local low = tonumber(string.sub(previous, 9)) + 1
  if low < 100000000 then return string.sub(previous, 1, 8) .. string.format('%08.0f', low) end
  return string.format('%08.0f', tonumber(string.sub(previous, 1, 8)) + 1) .. '00000000'
end
`;

/** `lastOf(log)` and `append(log, prev, type, data)`, which answers the id it gave. */
export const logPrelude = `
local function lastOf(log)
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  return last and string.sub(last[1], 1, 16) or ''
end
local function append(log, prev, type, data)
  local id = after(prev)
  redis.call('XADD', log, 'MAXLEN', '~', 1000, id .. '-0', 'p', prev, 't', type, 'at', string.format('%.0f', nowMs), 'd', data)
  return id
end
`;
