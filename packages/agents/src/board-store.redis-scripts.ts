// The scripts of the Redis BoardStore. `write` is the twin of `board-write.ts`; the contract
// suite holds both to the same answers.
//
// KEYS of a board: 1 hash, 2 stream, 3 current versions, 4 activations, 5 files, 6 the slot's
// list of boards, 7 the slot's open boards.

const prelude = `
local time = redis.call('TIME')
local nowMs = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local function isOpen(status) return status ~= 'solved' and status ~= 'failed' and status ~= 'cancelled' end
local function among(list, value)
  for _, one in ipairs(list) do if one == value then return true end end
  return false
end
`;

const writePrelude = `
local function write(id, command)
  local facts = redis.call('HMGET', KEYS[1], 'status', 'ended', 'rev', 'epoch', 'contributions', 'mostContributions')
  local status, ended, rev, epoch = facts[1], facts[2] == '1', tonumber(facts[3]), facts[4]
  local contributions, most = tonumber(facts[5]), tonumber(facts[6])
  if command.epoch and command.epoch ~= epoch then return {'fenced'} end
  local run = command.run
  if run then
    local place, fence = 'none', ''
    local known = redis.call('HGET', KEYS[4], run.key)
    if known then place, fence = string.match(known, '^(%S+) ?(.*)$') end
    if run.move == 'start' and place == 'running' and fence == run.fence then return {'written', rev} end
    if place == 'committed' then return {'already'} end
    if run.move == 'end' then
      if not (place == 'running' and fence == run.fence) then
        return {(fence == run.fence and place ~= 'running') and 'already' or 'fenced'}
      end
    else
      if place ~= 'reserved' and place ~= 'running' then return {'not-reserved'} end
      if not (run.fence > fence) then return {'fenced'} end
    end
  end
  if command.statuses and not among(command.statuses, status) then return {'refused', status} end
  if ended then return {'closed', status} end
  if run and not isOpen(status) then return {'closed', status} end
  if run and run.move == 'start' and status == 'paused' then return {'paused'} end
  for _, read in ipairs(command.reads or {}) do
    local known = redis.call('HGET', KEYS[3], read.id)
    if not known or tonumber(string.match(known, '^%d+')) ~= read.version then return {'stale', read.id} end
  end
  if command.seen and command.seen ~= rev then return {'moved'} end

  local ahead, items, fresh = {}, {}, 0
  local function current(of)
    if ahead[of] then return ahead[of].version, ahead[of].signature, 0 end
    local known = redis.call('HGET', KEYS[3], of)
    if not known then return 0, '', 0 end
    local version, signature, at = string.match(known, '^(%d+) (%S+) (%d+)$')
    return tonumber(version), signature, tonumber(at)
  end
  for i, draft in ipairs(command.contributions or {}) do
    local supports = {}
    for j, support in ipairs(draft.supports) do
      local version = current(support.id)
      local named = support.version
      if named == 'current' then named = version end
      if named == 0 or named > version then return {'unknown-support', support.id} end
      supports[j] = support.id .. '@' .. string.format('%.0f', named)
    end
    local text = table.concat(supports, ' ')
    local signature = redis.sha1hex(draft.hash .. ' ' .. text)
    local version, before = current(draft.id)
    if version > 0 and before == signature then
      items[i] = {draft = draft, version = version, fresh = false}
    else
      version = version + 1
      ahead[draft.id] = {version = version, signature = signature}
      items[i] = {draft = draft, version = version, signature = signature, supports = text, fresh = true}
      fresh = fresh + 1
    end
  end
  if fresh > 0 and contributions + fresh > most then return {'over-budget'} end

  local answer = {'written', 0}
  local function append(kind, source, text, ofId, version, supports)
    rev = rev + 1
    local fields = {string.format('%.0f', rev) .. '-0', 'source', source, 'knowledge', text, 'timestamp', nowMs, 'kind', kind}
    if ofId ~= '' then
      for _, field in ipairs({'id', ofId, 'version', string.format('%.0f', version), 'supports', supports}) do fields[#fields + 1] = field end
    end
    redis.call('XADD', KEYS[2], unpack(fields))
  end
  local before = rev
  for _, item in ipairs(items) do
    local draft = item.draft
    if item.fresh then
      append('contribution', draft.author, draft.text, draft.id, item.version, item.supports)
      redis.call('HSET', KEYS[3], draft.id, string.format('%.0f', item.version) .. ' ' .. item.signature .. ' ' .. string.format('%.0f', rev))
      contributions = contributions + 1
      if status == 'solved' then status = 'running' end
      answer[#answer + 1] = {draft.id, item.version, rev, 1}
    else
      local known = redis.call('HGET', KEYS[3], draft.id)
      answer[#answer + 1] = {draft.id, item.version, tonumber(string.match(known, '(%d+)$')), 0}
    end
  end
  for _, note in ipairs(command.notes or {}) do
    local fits = true
    if note.key then
      local known = redis.call('HGET', KEYS[4], note.key)
      local place, fence = 'none', ''
      if known then place, fence = string.match(known, '^(%S+) ?(.*)$') end
      if note.from and not among(note.from, place) then
        fits = false
      elseif note.to then
        redis.call('HSET', KEYS[4], note.key, note.to .. ' ' .. (run and run.fence or fence))
      end
    end
    if fits then
      if note.status then
        status = note.status
        ended = note.final == true
      end
      append(note.kind, note.source, note.text, '', 0, '')
    end
  end
  answer[2] = rev
  if rev > before then
    redis.call('HSET', KEYS[1], 'status', status, 'ended', ended and '1' or '0', 'rev', string.format('%.0f', rev), 'contributions', string.format('%.0f', contributions), 'updatedAt', nowMs)
    if isOpen(status) then redis.call('SADD', KEYS[7], id) else redis.call('SREM', KEYS[7], id) end
  end
  return answer
end
local function keepFiles(from)
  for i = from, #ARGV, 2 do redis.call('HSETNX', KEYS[5], ARGV[i], ARGV[i + 1]) end
end
`;

/** ARGV id, command, file hash, file text, … */
export const writeScript = `${prelude}${writePrelude}
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
local answer = write(ARGV[1], cjson.decode(ARGV[2]))
if answer[1] == 'written' then keepFiles(3) end
return answer
`;

/** ARGV id, command, problem, settings, mostContributions, file hash, file text, … */
export const createScript = `${prelude}${writePrelude}
if redis.call('EXISTS', KEYS[1]) == 1 then return 'exists' end
redis.call('HSET', KEYS[1], 'v', 1, 'problem', ARGV[3], 'status', 'initializing', 'createdAt', nowMs, 'updatedAt', nowMs,
  'id', ARGV[1], 'settings', ARGV[4], 'ended', '0', 'rev', 0, 'epoch', '', 'contributions', 0, 'mostContributions', ARGV[5])
redis.call('ZADD', KEYS[6], 0, string.rep('0', 16 - #nowMs) .. nowMs .. ':' .. ARGV[1])
redis.call('SADD', KEYS[7], ARGV[1])
keepFiles(6)
write(ARGV[1], cjson.decode(ARGV[2]))
return 'created'
`;

/** ARGV epoch. */
export const sealScript = `
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return 'missing' end
if ARGV[1] < epoch then return 'fenced' end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
return 'sealed'
`;

/** ARGV after, limit. */
export const readScript = `${prelude}
return {nowMs, redis.call('XRANGE', KEYS[2], ARGV[1] .. '-1', '+', 'COUNT', ARGV[2])}
`;

/** ARGV id. */
export const removeScript = `
local createdAt = redis.call('HGET', KEYS[1], 'createdAt')
if not createdAt then return 0 end
redis.call('ZREM', KEYS[6], string.rep('0', 16 - #createdAt) .. createdAt .. ':' .. ARGV[1])
redis.call('SREM', KEYS[7], ARGV[1])
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
return 1
`;
