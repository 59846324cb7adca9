// The record of one resource, as the lease script reads and writes it
//
// Numbers first, then texts that end in a zero byte: one call of `struct` reads or writes all of
// it. Redis's Lua hashes every byte of every string it makes, so what a script pays for is bytes:
// a record is small, a free one smaller, and what is only passed on (holder, instance, resource,
// meta, link) is JSON that the script never looks into.
import { ENDED_WINDOW_MS, MAX_ENDED } from './lease-record.ts';

const NUMBERS = {
  VERSION: 'B',
  OFFERED: 'B',
  /** In the bucket's `names`. */
  LISTED: 'B',
  /** Byte of the letter that says how the latest grant ended, or 0. Its fence is FENCE. */
  LAST_HOW: 'B',
  /** Ended leases in `ended:` and `older:`. */
  YOUNG: 'B',
  OLDER: 'B',
  WAITING: 'H',
  TICKET: 'I4',
  GEN: 'I4',
  TTL: 'I4',
  GRANTED: 'I6',
  /** End of the term; of a free record, when the latest grant ended. */
  UNTIL: 'I6',
  /** When the last of the ended leases is past its window; when `ended:` leaves by itself. */
  FORGET: 'I6',
  KEPT: 'I6',
  /** Its score in the bucket's `due`. */
  DUE: 'I6',
} as const;
const TEXTS = ['RESOURCE', 'LEASE', 'REQUEST', 'HOLDER', 'INSTANCE', 'META', 'LINK', 'FENCE', 'CURSOR'] as const;

type Field = keyof typeof NUMBERS | (typeof TEXTS)[number] | 'KEY' | 'ENC';

const fields = [...Object.keys(NUMBERS), ...TEXTS, 'KEY', 'ENC'] as Field[];
/** Places in a record's Lua table; the first says whether it is to be written. */
export const at = Object.fromEntries(fields.map((field, index) => [field, index + 2])) as Readonly<
  Record<Field, number>
>;

const format = `<${Object.values(NUMBERS).join('')}${'s'.repeat(TEXTS.length)}`;
const blank = fields.map((field) => (field in NUMBERS ? (field === 'VERSION' ? '1' : '0') : "''")).join(',');

/** The older half of what is remembered of a resource goes at once. */
export const HALF = MAX_ENDED / 2;
/** Physical expiry is this much later than anything that is remembered until then. */
export const SLACK_MS = ENDED_WINDOW_MS;

/** A record that is not stored yet; its key, encoded name and resource are set by whoever makes it. */
export const BLANK = `{ 0, ${blank} }`;
export const UNPACKED = `struct.unpack('${format}', text)`;
export const PACKED = `struct.pack('${format}', unpack(record, 2, ${at.CURSOR}))`;

export const RECORD = `
local function load(key, enc, text)
  local record = false
  if text then
    record = { 0, ${UNPACKED} }
    record[${at.KEY}], record[${at.ENC}] = key, enc
  end
  records[key] = record
  return record
end

local function fresh(key, enc, resource)
  local record = ${BLANK}
  record[${at.KEY}], record[${at.ENC}], record[${at.RESOURCE}] = key, enc, resource
  records[key] = record
  return record
end

-- 1: to be written. 2: deleted.
local function touch(record)
  if record[1] == 0 then
    record[1] = 1
    dirtyN = dirtyN + 1
    dirty[dirtyN] = record
  end
end

-- What has ended: request id -> how (a letter), forget (14), at (14), fence (16), lease id.
local function remember(record, request, how, forget, ended, fence, lease)
  local key, young = prefix .. 'ended:' .. record[${at.ENC}], record[${at.YOUNG}]
  if young == ${HALF} then
    redis.pcall('RENAME', key, prefix .. 'older:' .. record[${at.ENC}])
    record[${at.OLDER}] = ${HALF}
    record[${at.KEPT}] = 0
    young = 0
  end
  call('HSET', key, request, how .. format('%014d', forget) .. format('%014d', ended) .. fence .. lease)
  record[${at.YOUNG}] = young + 1
  if forget > record[${at.FORGET}] then record[${at.FORGET}] = forget end
  if forget > record[${at.KEPT}] then
    record[${at.KEPT}] = forget + ${SLACK_MS}
    call('PEXPIRE', key, record[${at.KEPT}] - now)
  end
end

local HOW = { r = 'released', e = 'expired', v = 'revoked', c = 'cancelled' }

-- How the lease of a request ended, or nil.
local function endedRequest(record, request)
  if record[${at.YOUNG}] + record[${at.OLDER}] == 0 then return end
  local text = call('HGET', prefix .. 'ended:' .. record[${at.ENC}], request)
  if not text and record[${at.OLDER}] > 0 then text = call('HGET', prefix .. 'older:' .. record[${at.ENC}], request) end
  if text and tonumber(sub(text, 2, 15)) > now then return HOW[sub(text, 1, 1)] end
end

local function endedIn(key, lease)
  local all = call('HVALS', key)
  for i = 1, #all do
    if sub(all[i], 46) == lease and tonumber(sub(all[i], 2, 15)) > now then return all[i] end
  end
end

-- How a lease ended, as its former holder is told.
local function endedHow(record, lease)
  if not record or lease == '' or record[${at.YOUNG}] + record[${at.OLDER}] == 0 then return 'unknown' end
  local enc = record[${at.ENC}]
  local text = endedIn(prefix .. 'ended:' .. enc, lease) or (record[${at.OLDER}] > 0 and endedIn(prefix .. 'older:' .. enc, lease))
  if not text then return 'unknown' end
  local how = sub(text, 1, 1)
  if how == 'r' or how == 'c' then return 'released' end
  if how == 'v' then return 'revoked' end
  return record[${at.FENCE}] > sub(text, 30, 45) and 'superseded' or 'expired'
end

-- Lets go of what is past its window.
local function forgetAll(record)
  if record[${at.FORGET}] > now or record[${at.YOUNG}] + record[${at.OLDER}] == 0 then return end
  call('DEL', prefix .. 'ended:' .. record[${at.ENC}], prefix .. 'older:' .. record[${at.ENC}])
  record[${at.YOUNG}], record[${at.OLDER}], record[${at.KEPT}], record[${at.LAST_HOW}] = 0, 0, 0, 0
  touch(record)
end
`;
