-- A sidecar says where it stands with one tool and is told where it stands: src/fleet/ledger.ts in Lua.
-- KEYS[1]  hash of the tool: 'run', 'opens', 'count', and '@<sidecar>' -> 'epoch expires given returned want cap place order'
-- ARGV     1 sidecar, 2 ttlMs, 3 cap, 4 epoch, 5 returned, 6 held, 7 want, 8 order, 9 channel prefix, 10 tool,
--          11 most sidecars, 12 milliseconds that the key outlives its last use
-- Returns  { version, epoch, given, waiting, claimants, cap, sidecars, rank, pausedMs, nextEndMs }, or the error FLEET_FULL
-- Tells    channel <prefix><sidecar>: 'tool version epoch given waiting claimants cap'
-- One key, so that a cluster runs it where the key lives. Time is the server's.
local EPOCH, EXPIRES, GIVEN, RETURNED, WANT, CAP, PLACE, ORDER = 1, 2, 3, 4, 5, 6, 7, 8
local key, me, ttl, cap = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local members, names, run, opens, count = {}, {}, '', 0, now
local flat = redis.call('HGETALL', key)
for i = 1, #flat, 2 do
  local field, value = flat[i], flat[i + 1]
  if field == 'run' then run = value
  elseif field == 'opens' then opens = tonumber(value)
  elseif field == 'count' then count = tonumber(value)
  else
    local member, n = {}, 0
    for number in string.gmatch(value, '%d+') do n = n + 1; member[n] = tonumber(number) end
    local name = string.sub(field, 2)
    if member[EXPIRES] <= now then redis.call('HDEL', key, field)
    else members[name] = member; names[#names + 1] = name end
  end
end

-- Another server than the one that wrote this, or none did: it may have forgotten what others hold.
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
if run ~= server then
  opens = now + ttl
  redis.call('HSET', key, 'run', server, 'opens', string.format('%.0f', opens))
end

local function held(member) return member[GIVEN] - member[RETURNED] end
local function claims(member) return held(member) > 0 or member[WANT] > 0 end
local function total()
  local sum = 0
  for _, member in pairs(members) do sum = sum + held(member) end
  return sum
end
local function claimants()
  local sum = 0
  for _, member in pairs(members) do if claims(member) then sum = sum + 1 end end
  return sum
end
local function smallestCap()
  local smallest = math.huge
  for _, member in pairs(members) do smallest = math.min(smallest, member[CAP]) end
  return smallest
end
local function lineNow()
  local line = {}
  for name, member in pairs(members) do if member[PLACE] > 0 then line[#line + 1] = name end end
  table.sort(line, function(a, b) return members[a][PLACE] < members[b][PLACE] end)
  return line
end

local before = lineNow()
local wasClaimant = members[me] ~= nil and claims(members[me])
local stoodInLine = members[me] ~= nil and members[me][PLACE] > 0

-- Hear.
count = count + 1
local version = count
local mine = members[me]
-- A statement that was overtaken by later ones may be of a session that is over: it does not end the one that lives.
if mine == nil or (mine[EPOCH] ~= tonumber(ARGV[4]) and tonumber(ARGV[8]) > mine[ORDER]) then
  if mine == nil then
    -- Nobody is known, but the speaker was busy: the store was out of reach, perhaps of others, too, that run what they hold.
    if #names == 0 and (tonumber(ARGV[4]) > 0 or tonumber(ARGV[6]) > 0) and opens < now + ttl then
      opens = now + ttl
      redis.call('HSET', key, 'opens', string.format('%.0f', opens))
    end
    if #names >= tonumber(ARGV[11]) then return redis.error_reply('FLEET_FULL too many sidecars for one tool') end
    names[#names + 1] = me
  end
  members[me] = nil
  local claim = 0
  if now < opens then claim = math.max(0, math.min(tonumber(ARGV[6]), cap - total())) end
  mine = { version, 0, claim, 0, 0, cap, 0, 0 }
  members[me] = mine
end
-- What was returned in another session is none of this one's.
local saidReturned = mine[EPOCH] == tonumber(ARGV[4]) and tonumber(ARGV[5]) or 0
local returned = math.min(mine[GIVEN], math.max(mine[RETURNED], saidReturned))
local gaveBack = returned > mine[RETURNED]
mine[RETURNED] = returned
mine[EXPIRES] = now + ttl
if tonumber(ARGV[8]) > mine[ORDER] then
  mine[ORDER], mine[CAP], mine[WANT] = tonumber(ARGV[8]), cap, tonumber(ARGV[7])
end
if mine[WANT] == 0 then mine[PLACE] = 0
elseif mine[PLACE] == 0 or gaveBack then mine[PLACE] = version end

-- Hand out: one slot each, then to the end of the line; who is alone in it takes all that is free.
local changed, told, isTold = { [me] = true }, {}, { [me] = true }
if now >= opens then
  local line, sum, first, most = lineNow(), total(), 1, smallestCap()
  while line[first] ~= nil do
    local name = line[first]
    local member = members[name]
    if sum >= most then break end
    local slots = 1
    if line[first + 1] == nil then slots = math.min(member[WANT], most - sum) end
    member[GIVEN], member[WANT], sum = member[GIVEN] + slots, member[WANT] - slots, sum + slots
    changed[name] = true
    if not isTold[name] then isTold[name] = true; told[#told + 1] = name end
    if member[WANT] == 0 then member[PLACE] = 0
    else
      count = count + 1
      member[PLACE] = count
      line[#line + 1] = name
    end
    first = first + 1
  end
end

-- Who holds slots learns that somebody stands in line who did not before: an idle one is wanted.
local claiming = claimants()
if mine[WANT] > 0 and (not wasClaimant or (#before < 2 and not stoodInLine)) then
  for name, member in pairs(members) do
    if not isTold[name] and held(member) > 0 then isTold[name] = true; told[#told + 1] = name end
  end
end

for name in pairs(changed) do
  local m = members[name]
  redis.call('HSET', key, '@' .. name, string.format('%.0f %.0f %.0f %.0f %.0f %.0f %.0f %.0f',
    m[EPOCH], m[EXPIRES], m[GIVEN], m[RETURNED], m[WANT], m[CAP], m[PLACE], m[ORDER]))
end
redis.call('HSET', key, 'count', string.format('%.0f', count))
redis.call('PEXPIRE', key, ARGV[12])

local inLine, sum, most = #lineNow(), total(), smallestCap()
local function waitingFor(member)
  local others = inLine - (member[PLACE] > 0 and 1 or 0)
  if others == 0 and sum > most then return 1 end
  return others
end
for _, name in ipairs(told) do
  local m = members[name]
  redis.call('PUBLISH', ARGV[9] .. name, string.format('%s %.0f %.0f %.0f %.0f %.0f %.0f',
    ARGV[10], count, m[EPOCH], m[GIVEN], waitingFor(m), claiming, most))
end
local rank, nextEnd = 0, 0
for _, name in ipairs(names) do
  if name < me then rank = rank + 1 end
  local left = members[name][EXPIRES] - now
  if name ~= me and (nextEnd == 0 or left < nextEnd) then nextEnd = left end
end
return { count, mine[EPOCH], mine[GIVEN], waitingFor(mine), claiming, most, #names, rank, math.max(0, opens - now), nextEnd }
