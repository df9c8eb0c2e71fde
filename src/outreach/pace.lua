-- One turn at a carrier: hear what became of the holder's last grant, then grant the next.
--
-- KEYS  1 the carrier's hash: at tokens paused pause breaker until cool failures probe probing
--       2 its holders: name -> "places granted until since urgent"
-- ARGV  1 the holder's name
--       2 whole numbers with blanks between, in the order of the local variables below
-- Times are milliseconds, tokens millionths of a message: rate (messages a second, in thousandths)
-- times milliseconds is exactly that. Returns granted, places, wait, breaker, why.
-- pace.py says what the rules are for.

local CLOSED, OPEN, HALF = 0, 1, 2
local BREAKER, PAUSE, RATE, PLACES = 1, 2, 3, 4 -- why nothing is granted
local MESSAGE = 1000000
local FIRST_PAUSE, LONGEST_PAUSE, LONGEST_ASKED, LONGEST_COOL = 1000, 30000, 3600000, 600000
local POLL, PROBE_POLL, GRACE = 25, 250, 1000

local n = {}
for number in ARGV[2]:gmatch('%-?%d+') do n[#n + 1] = tonumber(number) end
local now, lease, urgent, want, rate, burst, places, breaker_failures, breaker_ms,
  ok, failed, throttled, unused, asked, refused = unpack(n)
local holder = ARGV[1]
if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- ------------------------------------------------------------------------- what is known
local s = redis.call('HMGET', KEYS[1], 'at', 'tokens', 'paused', 'pause', 'breaker', 'until',
  'cool', 'failures', 'probe', 'probing')
local function number(field) return tonumber(s[field] or 0) end
local tokens, paused, pause, breaker, open_until = number(2), number(3), number(4), number(5), number(6)
local cool, failures, probe, probing = number(7), number(8), s[9] or '', number(10)
if s[1] then -- else Redis lost it: the bucket starts empty
  tokens = math.min(burst * MESSAGE, tokens + math.max(0, now - number(1)) * rate)
end

local mine, used, live, live_urgent, waiting = nil, 0, 1, urgent, {}
local held = redis.call('HGETALL', KEYS[2])
for i = 1, #held, 2 do
  local name = held[i]
  local p, g, till, since, u = held[i + 1]:match('(%d+) (%d+) (%d+) (%d+) (%d+)')
  local one = {name = name, granted = tonumber(g), since = tonumber(since), urgent = tonumber(u)}
  if tonumber(till) <= now then
    redis.call('HDEL', KEYS[2], name)
  elseif name == holder then
    mine = one
  else
    used, live, live_urgent = used + tonumber(p), live + 1, live_urgent + one.urgent
    if one.granted == 0 then waiting[#waiting + 1] = one end
  end
end

-- -------------------------------------------------------- what became of the last grant
-- never more than was granted, so that a turn whose answer was lost can be asked for again
if mine then tokens = math.min(burst * MESSAGE, tokens + math.min(unused, mine.granted) * MESSAGE) end

if breaker == OPEN and now >= open_until then breaker = HALF end
local probed = probe == holder
if probed or now >= probing then probe, probing = '', 0 end

local function open()
  cool = cool == 0 and breaker_ms or math.min(cool * 2, math.max(LONGEST_COOL, breaker_ms))
  breaker, open_until = OPEN, now + cool
end
if breaker == CLOSED then
  failures = ok > 0 and 0 or failures + failed
  if refused > 0 or failures >= breaker_failures then open() end
elseif breaker == HALF and probed then -- late words about what went before are no probe's
  if refused > 0 or failed > 0 then
    failures = failures + failed
    open()
  elseif ok > 0 then
    breaker, open_until, cool, failures = CLOSED, 0, 0, 0
  end
end

if asked >= 0 then
  paused = math.max(paused, now + math.min(asked, LONGEST_ASKED))
elseif throttled > 0 and now >= paused then -- many tell of the same throttling: it counts once
  pause = math.min(LONGEST_PAUSE, math.max(FIRST_PAUSE, pause * 2))
  paused = now + pause
elseif ok > 0 and throttled == 0 and now >= paused then
  pause = 0
end

-- ------------------------------------------------------------------------ the next grant
local function kept(all) -- what bulk leaves to the urgent lane
  if urgent == 1 or all == 1 then return 0 end
  return math.max(1, math.floor(all / 10))
end

local function before(other, since) -- whether another who waits comes before us
  if other.urgent ~= urgent then return other.urgent > urgent end
  return other.since < since or (other.since == since and other.name < holder)
end

local granted, take, wait, why = 0, 0, 0, 0
local since = mine and mine.granted == 0 and mine.since or now
if want > 0 and breaker == OPEN then
  wait, why = open_until - now, BREAKER
elseif want > 0 and now < paused then
  wait, why = paused - now, PAUSE
elseif want > 0 and probe ~= '' then
  wait, why = math.min(probing - now, PROBE_POLL), BREAKER
elseif want > 0 then
  if breaker == HALF then want = 1 end
  local ahead = 0
  for _, other in ipairs(waiting) do
    if before(other, since) then ahead = other.urgent > urgent and math.huge or ahead + 1 end
  end
  local share = math.ceil((places - kept(places)) / (urgent == 1 and live_urgent or live))
  take = math.min(want, share, math.floor((places - used - kept(places)) / (1 + ahead)))
  granted = want
  if rate > 0 then
    local left = math.floor(tokens / MESSAGE) - kept(burst)
    granted = math.min(want, math.floor(left / (1 + ahead)))
  end
  if take < 1 then
    granted, take, wait, why = 0, 0, POLL, PLACES
  elseif granted < 1 then -- a tenth of a second's worth at a time, not one by one
    local worth = math.max(1 + ahead, math.min(want, math.floor(rate / 10000)))
    local missing = math.min(burst, kept(burst) + worth) * MESSAGE - tokens
    granted, take, why = 0, 0, RATE
    wait = math.min(1000, math.max(1, math.ceil(missing / rate)))
  else
    take = math.min(take, granted)
    if rate == 0 then granted = granted - granted % take end -- a last wave half empty takes as long
    if rate > 0 then tokens = tokens - granted * MESSAGE end
    if breaker == HALF then probe, probing = holder, now + lease end
  end
end

-- --------------------------------------------------------------------------- kept so far
if granted > 0 then
  redis.call('HSET', KEYS[2], holder, string.format('%d %d %d 0 %d', take, granted, now + lease, urgent))
elseif why == RATE or why == PLACES then
  redis.call('HSET', KEYS[2], holder, string.format('0 0 %d %d %d', now + wait + GRACE, since, urgent))
else
  redis.call('HDEL', KEYS[2], holder)
end
local function whole(value) return string.format('%.0f', value) end
redis.call('HSET', KEYS[1], 'at', whole(now), 'tokens', whole(tokens), 'paused', whole(paused),
  'pause', whole(pause), 'breaker', breaker, 'until', whole(open_until), 'cool', whole(cool),
  'failures', whole(failures), 'probe', probe, 'probing', whole(probing))
return {granted, take, wait, breaker, why}
