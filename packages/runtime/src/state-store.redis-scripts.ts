// The scripts of the Redis StateStore, one const per script. Every key is declared.
import { clockPrelude, logPrelude, stampPrelude } from './redis-scripts.ts';

const unowned = '0000000000000000 none';

/** KEYS own. ARGV by, expected own. Answers `sealed` and the epoch, or `lost` and the owner. */
export const sealScript = `${clockPrelude}${stampPrelude}
local own = redis.call('GET', KEYS[1]) or '${unowned}'
if own ~= ARGV[2] then return {'lost', own} end
local epoch = after(string.sub(own, 1, 16))
redis.call('SET', KEYS[1], epoch .. ' ' .. ARGV[1])
return {'sealed', epoch}
`;

/** KEYS own. ARGV epoch. */
export const yieldScript = `
local own = redis.call('GET', KEYS[1]) or '${unowned}'
if string.sub(own, 1, 16) == ARGV[1] and own ~= '${unowned}' then redis.call('SET', KEYS[1], ARGV[1] .. ' none') end
return 1
`;

/** Answers `true` when the shard is served under the epoch; `none` serves nothing. */
const serves = `
local function serves(own, epoch)
  return string.sub(own, 1, 16) == epoch and string.sub(own, 17) ~= ' none'
end
`;

/** KEYS own, actor, out. ARGV epoch (`''`: whoever owns it). Answers `fenced` and the owner, or the record's parts. */
export const loadScript = `${serves}
local own = redis.call('GET', KEYS[1]) or '${unowned}'
if ARGV[1] ~= '' and not serves(own, ARGV[1]) then return {'fenced', own} end
local record = redis.call('HMGET', KEYS[2], 'v', 'id', 'version', 'machine', 'commit', 'snapshot', 'timers', 'cursor')
if not record[1] then return {'absent'} end
return {'record', record, redis.call('HGETALL', KEYS[3])}
`;

/** KEYS own, timers, outbox. ARGV epoch. */
export const pendingScript = `${clockPrelude}${serves}
local own = redis.call('GET', KEYS[1]) or '${unowned}'
if not serves(own, ARGV[1]) then return {'fenced', own} end
return {'pending', redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES'), redis.call('SMEMBERS', KEYS[3]), string.format('%.0f', nowMs)}
`;

/** KEYS guard. ARGV id, fence. */
export const admitScript = `
local guard = redis.call('GET', KEYS[1])
if guard then
  if string.sub(guard, 18) ~= ARGV[1] then return {'collision'} end
  if ARGV[2] < string.sub(guard, 1, 16) then return {'stale', string.sub(guard, 1, 16)} end
end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[1])
return {'admitted'}
`;

/** Answers with the function that makes a commit of whatever is in it. */
const generalCommit = `
${stampPrelude}${logPrelude}
local mostNodes, mostLanes = tonumber(ARGV[3]), tonumber(ARGV[4])
local function key() k = k + 1 return KEYS[k] end
local function arg() a = a + 1 return ARGV[a] end
local function number() return tonumber(arg()) end

return function(isGeneral, timers, outbox)
  local actor = key()
  local id, commit, basis, version, machine, snapshot = arg(), arg(), arg(), arg(), arg(), arg()
  local timerList, due = arg(), arg()
  local fence = isGeneral and arg() or ''

  local fields, senders, closes = {'v', 'id', 'version', 'commit', 'due', 'cursor', 'lanes', 'floor'}, {}, {}
  for s = 1, isGeneral and number() or 1 do
    local sender = {field = arg(), floor = number(), numbers = {}}
    sender.id = string.sub(sender.field, 6)
    for m = 1, number() do sender.numbers[m] = {n = number(), reply = arg()} end
    senders[s] = sender
    fields[8 + s] = sender.field
  end
  for c = 1, isGeneral and number() or 0 do
    closes[c] = {field = arg(), n = number()}
    fields[8 + #senders + c] = closes[c].field
  end
  local stored = call('HMGET', actor, unpack(fields))
  if stored[1] and stored[1] ~= '1' then return {'unknown-version', stored[1]} end
  if stored[2] and stored[2] ~= id then return {'collision'} end
  if (stored[3] or '0') ~= basis then return {'conflict', stored[3] or '0', stored[4] or ''} end

  local nodes, listing
  local lanes, laneFloor, isMoved = tonumber(stored[7] or '0'), tonumber(stored[8] or '0'), #closes > 0
  for s, sender in ipairs(senders) do
    sender.isKnown = stored[8 + s]
    sender.window = sender.isKnown and cmsgpack.unpack(stored[8 + s]) or {0, 0}
    if not find(sender.id, ':', 1, true) then
      nodes = nodes or key()
      local silent = nowMs - sender.window[2]
      if silent > silence then sender.window = {0, 0} end
      sender.lists = silent > silence / 11
      listing = listing or sender.lists
    else
      sender.isLane = true
      isMoved = isMoved or not sender.isKnown
    end
  end
  -- The record of an earlier version has lanes that nobody has counted.
  if isMoved and stored[1] and not stored[7] then
    for _, field in ipairs(call('HKEYS', actor)) do
      if find(field, '^from:.*:') then lanes = lanes + 1 end
    end
  end

  local duplicates = {'duplicate'}
  for _, sender in ipairs(senders) do
    local window, replies = sender.window, {}
    for i = 3, #window, 2 do replies[window[i]] = window[i + 1] end
    for _, message in ipairs(sender.numbers) do
      local reply = replies[message.n]
      if reply or message.n < window[1] then
        duplicates[#duplicates + 1] = sender.id
        duplicates[#duplicates + 1] = string.format('%.0f', message.n)
        duplicates[#duplicates + 1] = reply or ''
        duplicates[#duplicates + 1] = sender.isLane and window[2] == 1 and '1' or ''
      end
    end
  end
  if #duplicates > 1 then return duplicates end

  for _, sender in ipairs(senders) do
    for _, message in ipairs(sender.numbers) do
      if sender.isLane and not sender.isKnown and message.n < laneFloor then
        return {'closed', sender.id, string.format('%.0f', laneFloor)}
      end
    end
  end

  local windows, crowded, count = {}, {}, lanes
  for _, sender in ipairs(senders) do
    local window = sender.window
    if sender.isLane then
      if not sender.isKnown then
        if count >= mostLanes then window[2] = 1 end
        count = count + 1
      end
      if window[2] == 1 then crowded[#crowded + 1] = sender.id end
    end
    local floor = math.max(window[1], sender.floor)
    local kept = {floor, sender.lists and nowMs or window[2]}
    local function keep(n, reply)
      if n >= floor then kept[#kept + 1] = n kept[#kept + 1] = reply end
    end
    for i = 3, #window, 2 do keep(window[i], window[i + 1]) end
    for _, message in ipairs(sender.numbers) do keep(message.n, message.reply) end
    if #kept > 2 + 2 * unsettled then return {'overloaded', sender.id} end
    sender.kept = kept
    windows[sender.field] = kept
  end

  local guardKey, guard
  if fence ~= '' then
    guardKey = key()
    guard = call('GET', guardKey)
    if guard and string.sub(guard, 18) ~= id then return {'collision'} end
    if guard and fence < string.sub(guard, 1, 16) then return {'stale', string.sub(guard, 1, 16)} end
  end

  local record = {'version', version, 'commit', commit, 'machine', machine, 'snapshot', snapshot}
  local function set(field, value) record[#record + 1] = field record[#record + 1] = value end
  if not stored[1] then set('v', '1') set('id', id) end

  local ended, nextFloor = {}, laneFloor
  for c, close in ipairs(closes) do
    nextFloor = math.max(nextFloor, close.n + 1)
    local packed = stored[8 + #senders + c]
    local window = windows[close.field] or packed and cmsgpack.unpack(packed)
    local highest = window and window[1]
    for i = 3, window and #window or 0, 2 do highest = math.max(highest, window[i]) end
    if window and not ended[close.field] and highest <= close.n then
      ended[close.field] = true
      count = math.max(0, count - 1)
    end
  end
  if count ~= tonumber(stored[7] or '0') then set('lanes', string.format('%.0f', count)) end
  if nextFloor ~= laneFloor then set('floor', string.format('%.0f', nextFloor)) end

  local committed = {'committed'}
  local events = isGeneral and number() or 0
  if events > 0 then
    local log, prev = key(), stored[6] or ''
    local last = lastOf(log)
    if last > prev then prev = last end
    committed[2], committed[3] = prev, string.format('%.0f', nowMs)
    for e = 1, events do
      prev = append(log, prev, arg(), arg())
      committed[3 + e] = prev
    end
    set('cursor', prev)
  end
  for _, sender in ipairs(crowded) do committed[#committed + 1] = sender end

  if guardKey and guard ~= fence .. ' ' .. id then call('SET', guardKey, fence .. ' ' .. id) end

  if timerList ~= '' then
    set('timers', timerList)
    if due ~= stored[5] then set('due', due) call('ZADD', timers, due, id) end
  elseif stored[5] then
    call('HDEL', actor, 'timers', 'due')
    call('ZREM', timers, id)
  end

  if listing then
    local silents = call('ZRANGEBYSCORE', nodes, '-inf', '(' .. nowMs - silence, 'LIMIT', 0, 16)
    local over = call('ZCARD', nodes) - #silents - mostNodes + 1
    if over > 0 then silents = call('ZRANGE', nodes, 0, #silents + over - 1) end
    for _, node in ipairs(silents) do
      call('ZREM', nodes, node)
      call('HDEL', actor, 'from:' .. node)
    end
  end
  for _, sender in ipairs(senders) do
    if not ended[sender.field] then set(sender.field, cmsgpack.pack(sender.kept)) end
    if sender.lists then call('ZADD', nodes, nowMs, sender.id) end
  end
  call('HSET', actor, unpack(record))
  for field in pairs(ended) do call('HDEL', actor, field) end

  local removed, added = isGeneral and number() or 0, isGeneral and number() or 0
  if removed + added > 0 then
    local out = key()
    for _ = 1, removed do call('HDEL', out, arg()) end
    for _ = 1, added do
      local row, event = arg(), arg()
      call('HSET', out, row, event)
    end
    call(call('EXISTS', out) == 1 and 'SADD' or 'SREM', outbox, id)
  end
  return committed
end
`;

/**
 * A batch of calls, each with its shard, epoch and commits; `commit-batch.ts` writes the
 * arguments that this reads in order. A commit reads and decides before it writes, and one that
 * raises an error is an answer of its own: the others go on.
 *
 * Settled messages are one field per sender: a packed list of the floor, the time it was listed,
 * and the numbers above the floor with their replies; of an actor the time is 0, or 1 where its
 * lane is crowded (`lanes.ts`). Node senders are listed in `nodes` by that
 * time, to find those to forget; it is renewed when it is a tenth of the silence old, so that
 * most commits need not write it.
 *
 * Lua makes the functions of a script anew at every call, and a string costs by the byte. So the
 * commonest commit, of messages of one sender to an actor that is there already, is written out
 * where it is met; it makes no function and no text but the one it stores, and answers 1, as the
 * whole batch does when all of it was of this kind. What else there is is left to `general`, which
 * is made when the first such commit comes.
 */
export const commitScript = `${clockPrelude}
local call, try, find = redis.call, redis.pcall, string.find
local unsettled, silence = tonumber(ARGV[1]), ARGV[2] * 1.1
local k, a = 0, 5
local general

local answers, isPlain = {}, true
for nth = 1, tonumber(ARGV[5]) do
  local own, timers, outbox = call('GET', KEYS[k + 1]) or '${unowned}', KEYS[k + 2], KEYS[k + 3]
  local served = find(own, ARGV[a + 1], 1, true) == 1 and (#own ~= 21 or not find(own, ' none', 17, true))
  local answer, commits = served and {} or {'fenced', own}, tonumber(ARGV[a + 2])
  isPlain = isPlain and served
  k, a = k + 3, a + 2
  for c = 1, commits do
    local form = ARGV[a + 1]
    local isGeneral, outcome, lastKey, lastArg = form == 'g'
    if isGeneral then
      lastKey, lastArg = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
      a = a + 3
    else
      lastKey, lastArg = k + (form == 'n' and 2 or 1), a + 12 + 2 * ARGV[a + 12]
      if served then
        local actor, timerList, due, field = KEYS[k + 1], ARGV[a + 8], ARGV[a + 9], ARGV[a + 10]
        local stored = try('HMGET', actor, 'v', 'id', 'version', 'due', field)
        if stored[1] == '1' and stored[2] == ARGV[a + 2] and stored[3] == ARGV[a + 4] and stored[5] and (timerList ~= '' or not stored[4]) then
          local isRead, window = pcall(cmsgpack.unpack, stored[5])
          if isRead and (form == 'n' and nowMs - window[2] <= silence / 11 or form == 'a' and window[2] == 0) then
            local floor, highest, size = tonumber(ARGV[a + 11]), window[1] - 1, 2
            if floor <= highest then floor = window[1] end
            local kept = {floor, window[2]}
            for i = 3, #window, 2 do
              local n = window[i]
              if n > highest then highest = n end
              if n >= floor then kept[size + 1], kept[size + 2], size = n, window[i + 1], size + 2 end
            end
            local isNew = true
            for i = a + 13, lastArg, 2 do
              local n = tonumber(ARGV[i])
              if n <= highest then isNew = false end
              if n >= floor then kept[size + 1], kept[size + 2], size = n, ARGV[i + 1], size + 2 end
            end
            if isNew and size <= 2 + 2 * unsettled then
              local packed, wrote = cmsgpack.pack(kept), 0
              if timerList == '' then
                wrote = try('HSET', actor, 'version', ARGV[a + 5], 'commit', ARGV[a + 3], 'machine', ARGV[a + 6], 'snapshot', ARGV[a + 7], field, packed)
              else
                if due ~= stored[4] then wrote = try('ZADD', timers, due, ARGV[a + 2]) end
                if wrote ~= nil and type(wrote) ~= 'table' then
                  wrote = try('HSET', actor, 'version', ARGV[a + 5], 'commit', ARGV[a + 3], 'machine', ARGV[a + 6], 'snapshot', ARGV[a + 7], field, packed, 'timers', timerList, 'due', due)
                end
              end
              outcome = type(wrote) == 'table' and {'fault', wrote.err} or 1
            end
          end
        end
      end
      a = a + 1
    end
    if served then
      if not outcome then
        general = general or (function() ${generalCommit} end)()
        local isDone, found = pcall(general, isGeneral, timers, outbox)
        outcome = isDone and found or {'fault', type(found) == 'table' and found.err or tostring(found)}
      end
      answer[c] = outcome
      isPlain = isPlain and outcome == 1
    end
    k, a = lastKey, lastArg
  end
  answers[nth] = answer
end
return isPlain and 1 or answers
`;
