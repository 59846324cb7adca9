// Takeover and hand-off, in Lua: what `transition.takeover.ts` and `lease-draft.ts` say of them.
//
// A takeover lies in its record as JSON: `id`, who asks as the claim's `texts` with `request`, `ttl`
// and listener `to`, `dead` when not repeated until then, `reason`, `at`, `answerBy`, `silence` and
// its `stage`; of a drain `ends` and `pointer`, of a denial `again` and `answer`. The record's flag
// `breaking` is 1 unless it is denied. JSON that is only passed on, a reason or a pointer, is text in it:
// nothing that a caller sent is ever decoded, so nothing in it can stop a script between its writes.
import { RETRY_DENIED_MS } from './lease-draft.ts';
import { OFFER_MS } from './lease-record.ts';
import { EVENTS, HELD } from './lease-script.record.ts';
import { REPLY_CODES } from './lease-store.redis-codec.ts';

const PARTY = `'^[^\\1]*\\1[^\\1]*\\1([^\\1]*)\\1([^\\1]*)\\1[^\\1]*\\1([^\\1]*)'`;

export const TAKEOVERS = `
takeovers = function()
  local t = {}
  takeovers = function() return t end
  local json, max = cjson.encode, math.max

  local function person(id, shown)
    return '{"id":' .. json(id) .. (shown == '' and '' or ',"name":' .. json(sub(shown, 2))) .. '}'
  end
  local function personIn(texts)
    local id, _, shown = match(texts, ${PARTY})
    return person(id, shown)
  end
  local function isOf(texts, theirHolder, theirInstance)
    local id, place = match(texts, ${PARTY})
    return id == theirHolder and place == theirInstance
  end
  -- reason: JSON of it
  local function because(reason)
    return reason and ',"reason":' .. reason or ''
  end
  local function given(text)
    if text ~= '' then return text end
  end
  local function passedFrom(from, how, reason, pointer)
    return '{"from":' .. from .. ',"how":"' .. how .. '"' .. because(reason) .. (pointer and ',"pointer":' .. pointer or '') .. '}'
  end
  local function stored()
    return cjson.decode(breakingText)
  end
  local function store(asked)
    breaking, breakingText, isChanged = asked.stage == 'denied' and 0 or 1, json(asked), true
  end
  local function lookAll()
    call('PUBLISH', ns .. ':look', resource)
  end
  local function lookWho(asked)
    call('PUBLISH', ns .. ':to:' .. asked.to, resource .. '\\1' .. asked.request)
  end
  local function logOver(asked, how, reason)
    log(${EVENTS['takeover-denied']}, '{"takeoverId":"' .. asked.id .. '","by":' .. personIn(asked.texts) .. ',"how":"' .. how .. '"' .. because(reason) .. '}')
    lookWho(asked)
    lookAll()
  end
  -- Who asked for a lease that went to somebody else asks its new holder.
  local function leaveOut(asked, next)
    if asked and asked.request ~= next then lookWho(asked) end
  end

  -- Ends the lease, which then is offered to who asked for it.
  local function pass(how, facts, passedHow, pointer)
    local asked, from = stored(), person(holder, name)
    if not passedHow then
      local isDraining = asked.stage == 'draining'
      passedHow, pointer = isDraining and 'granted' or 'left', isDraining and asked.pointer or nil
    end
    close(how, facts)
    offer(asked.to, asked.texts, asked.ttl, ${OFFER_MS}, passedFrom(from, passedHow, asked.reason, pointer))
  end
  t.pass = pass

  local function deny(asked, how, answer, retryMs)
    asked.stage, asked.answer, asked.again = 'denied', answer, now + retryMs
    store(asked)
    rememberRequest(asked.request, ${EVENTS.denied})
    logOver(asked, how, answer)
  end

  function t.dismiss(how)
    local asked = stored()
    breaking, breakingText, isChanged = 0, '', true
    if how == 'withdrawn' then rememberRequest(asked.request, ${EVENTS.cancelled}) end
    logOver(asked, how)
  end

  function t.isAskedBy(id)
    return stored().request == id
  end

  function t.cap()
    local asked = stored()
    if asked.stage == 'draining' and untilMs > asked.ends then untilMs = asked.ends end
  end

  function t.settle()
    local asked = stored()
    local isUnanswered = asked.stage == 'asked' and asked.answerBy <= now and untilMs > now
    if asked.dead <= now then
      t.dismiss('lapsed')
    elseif isUnanswered and asked.silence == 'grant' then
      pass(${EVENTS.revoked}, '{"by":' .. personIn(asked.texts) .. because(asked.reason) .. '}', 'unanswered')
    elseif isUnanswered then
      deny(asked, 'unanswered', nil, ${RETRY_DENIED_MS})
    elseif asked.stage == 'draining' and untilMs <= now and untilMs == asked.ends then
      pass(${EVENTS['handed-over']})
    end
  end

  -- ttl, texts, wait, listener; and grace, silence, 1 for by force, JSON of the reason
  function t.t(ttlMs, texts, wait, listener, asking)
    ttlMs = tonumber(ttlMs)
    local theirLease, theirRequest, theirHolder, theirInstance = match(texts, '^([^\\1]*)\\1([^\\1]*)\\1([^\\1]*)\\1([^\\1]*)\\1')
    local id = theirRequest == '' and theirLease or theirRequest
    local grace, silence, force, reason = match(asking, '^(%d+)\\1(%a+)\\1(%d)\\1(.*)$')
    grace, force, reason = tonumber(grace), force == '1', given(reason)
    local isHeld = last >= ${HELD}
    if isHeld and breaking == 0 and breakingText ~= '' then
      local denied = stored()
      local again = max(0, denied.again - now)
      if denied.request == id or (again > 0 and not force and isOf(denied.texts, theirHolder, theirInstance)) then
        return 'd{"by":' .. person(holder, name) .. because(denied.answer) .. ',"retryAfterMs":' .. format('%d', again) .. '}'
      end
    end
    local how = endedRequest(id)
    if how then return ${REPLY_CODES.gone} + (how == ${EVENTS.unconfirmed} and ${EVENTS.expired} or how) end
    if not isHeld then
      grant(texts, ttlMs, false, now + ttlMs)
      return told('g')
    end
    if requestId() == id or (holder == theirHolder and instance == theirInstance) then
      unqueue(id)
      confirm()
      return told('h')
    end
    local asked = breaking == 1 and stored()
    if force then
      local from = person(holder, name)
      close(${EVENTS.revoked}, '{"by":' .. personIn(texts) .. because(reason) .. '}')
      leaveOut(asked, id)
      unqueue(id)
      grant(texts, ttlMs, false, now + ttlMs, passedFrom(from, 'forced', reason))
      return told('g')
    end
    if not asked then
      unqueue(id)
      local minted = mint()
      local takeoverId = format('%016.0f', minted)
      log(${EVENTS['takeover-requested']}, '{"takeoverId":"' .. takeoverId .. '","by":' .. personIn(texts) .. because(reason) .. '}', minted)
      store({
        id = takeoverId, texts = texts, request = id, ttl = ttlMs, to = listener, dead = now + tonumber(wait),
        reason = reason, at = now, answerBy = now + grace, silence = silence, stage = 'asked',
      })
      lookAll()
      return told('k')
    end
    if asked.request ~= id then
      return told('l' .. pack('<I4', max(0, (asked.stage == 'draining' and asked.ends or asked.answerBy) - now)))
    end
    asked.to, asked.dead = listener, now + tonumber(wait)
    store(asked)
    return told('k')
  end

  -- lease, takeover; and the answer, its drain, when to ask again, JSON of its reason and pointer
  function t.g(theirs, takeoverId, answering)
    if last < ${HELD} or lease ~= theirs then return ${REPLY_CODES.ended} + endedHow(theirs) end
    local asked = breakingText ~= '' and stored()
    if not asked or asked.id ~= takeoverId then return told('N') end
    local answer, drain, again, reason, pointer = match(answering, '^(%a+)\\1(%d+)\\1(%d+)\\1([^\\1]*)\\1(.*)$')
    drain, again, pointer = tonumber(drain), tonumber(again), given(pointer) or asked.pointer
    if asked.stage == 'denied' then return told(answer == 'deny' and 'X' or 'N') end
    if answer == 'grant' then
      if drain == 0 then
        pass(${EVENTS['handed-over']}, '{"by":' .. personIn(asked.texts) .. '}', 'granted', pointer)
        return ${REPLY_CODES.handedOver}
      end
      local ends = now + drain
      if asked.stage == 'draining' and asked.ends < ends then ends = asked.ends end
      asked.stage, asked.ends, asked.pointer = 'draining', ends, pointer
      store(asked)
      t.cap()
      lookWho(asked)
      lookAll()
      return told('D')
    end
    if asked.stage == 'draining' then return told('D') end
    deny(asked, 'denied', given(reason), again)
    return told('X')
  end

  -- takeover
  function t.u(takeoverId)
    if breaking == 0 or stored().id ~= takeoverId then return ${REPLY_CODES.notAsked} end
    t.dismiss('withdrawn')
    return ${REPLY_CODES.withdrawn}
  end

  -- The first live place in the queue of a party: its request and who waits.
  local function placeOfParty(theirHolder, theirInstance)
    if waiting == 0 then return end
    local from = 'w' .. sub(key, #bucketKey)
    for _, found in ipairs(call('ZRANGEBYLEX', namesKey, '[' .. from .. '\\0', '(' .. from .. '\\1')) do
      local id = sub(found, #from + 12)
      local waiter = call('HGET', waitersKey, key .. '\\0' .. id)
      if waiter then
        local _, dead, ttlMs, start = parse('<I4I6I4', waiter)
        local listener, texts = match(waiter, '^([^\\1]*)\\1(.*)$', start)
        if dead > now and isOf(texts, theirHolder, theirInstance) then
          return { request = id, to = listener, texts = texts, ttl = ttlMs }
        end
      end
    end
  end

  -- lease, texts of the lease to come, how long it stands, pointer
  function t.o(theirs, texts, standsMs, pointer)
    if last < ${HELD} or lease ~= theirs then return ${REPLY_CODES.ended} + endedHow(theirs) end
    local theirHolder, theirInstance = match(texts, ${PARTY})
    local asked = breaking == 1 and stored()
    local isTheirs = asked and isOf(asked.texts, theirHolder, theirInstance)
    if asked and asked.stage == 'draining' and not isTheirs then return 'P' .. personIn(asked.texts) end
    local from, ttlMs = person(holder, name), ttl
    close(${EVENTS['handed-over']}, '{"by":' .. from .. '}')
    local place = isTheirs and asked or placeOfParty(theirHolder, theirInstance)
    leaveOut(asked, place and place.request)
    if place then unqueue(place.request) end
    place = place or { to = '', texts = texts, ttl = ttlMs }
    offer(place.to, place.texts, place.ttl, tonumber(standsMs), passedFrom(from, 'handed-off', nil, pointer ~= '' and pointer or nil))
    return told('o')
  end
  return t
end
`;
