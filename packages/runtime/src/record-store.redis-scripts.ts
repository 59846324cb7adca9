// The scripts of the Redis RecordStore. A record is a hash {v, key, version, value}; its shard
// keeps the keys in text order (recs), the ends of those that lapse (recends), and the last
// version given to any of them (recstamp).
import { clockPrelude, stampPrelude } from './redis-scripts.ts';

/** KEYS rec, recs, recends, recstamp. ARGV key, value, expected (`absent`, `any` or a version), ttlMs or `''`. */
export const putScript = `${clockPrelude}${stampPrelude}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', nowMs, 'LIMIT', 0, 16)) do
  redis.call('ZREM', KEYS[2], key)
  redis.call('ZREM', KEYS[3], key)
end
local stored = redis.call('HMGET', KEYS[1], 'v', 'key', 'version')
if stored[1] and stored[1] ~= '1' then return {'unknown-version', stored[1]} end
if stored[2] and stored[2] ~= ARGV[1] then return {'collision'} end
local fits = ARGV[3] == 'any' or (stored[3] or 'absent') == ARGV[3]
if not fits then return {'conflict'} end
local version = after(redis.call('GET', KEYS[4]) or '')
redis.call('SET', KEYS[4], version)
redis.call('HSET', KEYS[1], 'v', '1', 'key', ARGV[1], 'version', version, 'value', ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
if ARGV[4] == '' then
  redis.call('PERSIST', KEYS[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  redis.call('ZADD', KEYS[3], nowMs + ARGV[4], ARGV[1])
end
return {'written', version}
`;

/** KEYS rec, recs, recends. ARGV key. */
export const deleteScript = `
local key = redis.call('HGET', KEYS[1], 'key')
if key and key ~= ARGV[1] then return {'collision'} end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return {'deleted'}
`;

/** KEYS recs of one or more shards. ARGV from, to (both as ZRANGEBYLEX has them), limit. Answers keys, unsorted. */
export const keysScript = `
local found = {}
for _, index in ipairs(KEYS) do
  for _, key in ipairs(redis.call('ZRANGEBYLEX', index, ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do found[#found + 1] = key end
end
return found
`;
