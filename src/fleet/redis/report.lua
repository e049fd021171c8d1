-- One report of one sidecar about one tool, and its answer: src/fleet/ledger.ts in Lua, with the same four parts.
-- KEYS[1]  hash of the tool: 'run', 'opens', 'count', and '@<sidecar>' -> 'epoch expires given returned want cap place order'
-- ARGV     1 sidecar, 2 ttlMs, 3 cap, 4 epoch, 5 returned, 6 held, 7 want, 8 order, 9 channel prefix, 10 tool,
--          11 most sidecars, 12 milliseconds that the key outlives its last use, 13 '1' where the sidecar leaves
-- Returns  { version, epoch, given, waiting, claimants, cap, sidecars, rank, pausedMs, nextEndMs }, ten zeros to a sidecar
--          that leaves, or the error FLEET_FULL
-- Tells    channel <prefix><sidecar>: 'tool version epoch given waiting claimants cap'
-- There is one key, so that a cluster can run the script where the key lives. Time is the server's. Sidecars of the version
-- before run a script of their own on the same hash, so its form stays.
local EPOCH, EXPIRES, GIVEN, RETURNED, WANT, CAP, PLACE, ORDER = 1, 2, 3, 4, 5, 6, 7, 8
local key, sidecar, channelPrefix, tool = KEYS[1], ARGV[1], ARGV[9], ARGV[10]
local ttl, cap, epoch, returned = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local held, want, order = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local mostSidecars, forgetAfter, isLeaving = tonumber(ARGV[11]), ARGV[12], ARGV[13] == '1'
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- 1 End: read the hash; sessions that were silent for their TTL end.
local members, run, opens, count = {}, '', 0, now
local fields = redis.call('HGETALL', key)
for i = 1, #fields, 2 do
  local field, value = fields[i], fields[i + 1]
  if field == 'run' then run = value
  elseif field == 'opens' then opens = tonumber(value)
  elseif field == 'count' then count = tonumber(value)
  elseif string.sub(field, 1, 1) == '@' then
    local member, n = {}, 0
    for number in string.gmatch(value, '%d+') do n = n + 1; member[n] = tonumber(number) end
    if member[EXPIRES] <= now then redis.call('HDEL', key, field)
    else members[string.sub(field, 2)] = member end
  end
end
count = count + 1

-- The hash was written by another server, or by none: this one may have forgotten what sidecars hold.
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
if run ~= server then
  opens = now + ttl
  redis.call('HSET', key, 'run', server, 'opens', string.format('%.0f', opens))
end

local function heldBy(member) return member[GIVEN] - member[RETURNED] end
local function isClaimant(member) return heldBy(member) > 0 or member[WANT] > 0 end
-- Of all members: sidecars, slots held, claimants, the smallest cap, and the names in the line, the first in front.
local function tally()
  local sidecars, sum, claimants, smallestCap, line = 0, 0, 0, math.huge, {}
  for name, member in pairs(members) do
    sidecars, sum, smallestCap = sidecars + 1, sum + heldBy(member), math.min(smallestCap, member[CAP])
    if isClaimant(member) then claimants = claimants + 1 end
    if member[PLACE] > 0 then line[#line + 1] = name end
  end
  table.sort(line, function(a, b) return members[a][PLACE] < members[b][PLACE] end)
  return sidecars, sum, claimants, smallestCap, line
end

-- 2 Hear, or forget.
local mine = members[sidecar]
local sidecars, sum, _, _, lineBefore = tally()
local wasClaimant = mine ~= nil and isClaimant(mine)
local wasWaiting = mine ~= nil and mine[PLACE] > 0
local changed = {}
if isLeaving then
  -- A leave that arrives late, after the sidecar has joined again, ends nothing.
  if mine ~= nil and order > mine[ORDER] then
    redis.call('HDEL', key, '@' .. sidecar)
    members[sidecar] = nil
  end
else
  -- A report that arrives after later ones may be of an earlier session: it does not end the one that lives.
  if mine == nil or (mine[EPOCH] ~= epoch and order > mine[ORDER]) then
    if mine == nil and sidecars >= mostSidecars then
      return redis.error_reply('FLEET_FULL too many sidecars for one tool')
    end
    -- The store knows nobody, and the sender was busy: the store was out of reach for a whole TTL. Other sidecars may
    -- still run calls on slots that they held, so nothing is given until they have said so.
    if sidecars == 0 and (epoch > 0 or held > 0) and opens < now + ttl then
      opens = now + ttl
      redis.call('HSET', key, 'opens', string.format('%.0f', opens))
    end
    if mine ~= nil then sum = sum - heldBy(mine) end
    local claim = 0
    if now < opens then claim = math.max(0, math.min(held, cap - sum)) end
    mine = { count, 0, claim, 0, 0, cap, 0, 0 }
    members[sidecar] = mine
  end
  mine[EXPIRES] = now + ttl
  -- `returned` of another session does not count in this one.
  if mine[EPOCH] ~= epoch then returned = 0 end
  returned = math.min(mine[GIVEN], math.max(mine[RETURNED], returned))
  local gaveBack = returned > mine[RETURNED]
  mine[RETURNED] = returned
  if order > mine[ORDER] then mine[ORDER], mine[CAP], mine[WANT] = order, cap, want end
  if mine[WANT] == 0 then mine[PLACE] = 0
  elseif mine[PLACE] == 0 or gaveBack then mine[PLACE] = count end
  changed[sidecar] = true
end

-- 3 Hand out: free slots go down the line, one to each sidecar, which then stands at the end of the line. A sidecar that is
-- alone in the line takes all that is free.
local told, isTold = {}, { [sidecar] = true }
local function tell(name)
  if not isTold[name] then isTold[name] = true; told[#told + 1] = name end
end
if now >= opens then
  local _, sumNow, _, smallestCap, line = tally()
  local first = 1
  while line[first] ~= nil and sumNow < smallestCap do
    local name = line[first]
    local member = members[name]
    local slots = 1
    if line[first + 1] == nil then slots = math.min(member[WANT], smallestCap - sumNow) end
    member[GIVEN], member[WANT], sumNow = member[GIVEN] + slots, member[WANT] - slots, sumNow + slots
    changed[name] = true
    tell(name)
    if member[WANT] == 0 then member[PLACE] = 0
    else
      count = count + 1
      member[PLACE] = count
      line[#line + 1] = name
    end
    first = first + 1
  end
end
-- The sender waits and did not before: holders of slots learn that idle ones are wanted.
if not isLeaving and mine[WANT] > 0 and (not wasClaimant or (not wasWaiting and #lineBefore < 2)) then
  for name, member in pairs(members) do if heldBy(member) > 0 then tell(name) end end
end

for name in pairs(changed) do
  local m = members[name]
  redis.call('HSET', key, '@' .. name, string.format('%.0f %.0f %.0f %.0f %.0f %.0f %.0f %.0f',
    m[EPOCH], m[EXPIRES], m[GIVEN], m[RETURNED], m[WANT], m[CAP], m[PLACE], m[ORDER]))
end
redis.call('HSET', key, 'count', string.format('%.0f', count))
redis.call('PEXPIRE', key, forgetAfter)

-- 4 Answer, and tell.
local sidecarsNow, sumNow, claimants, smallestCap, line = tally()
local function waitingFor(member)
  local others = #line - (member[PLACE] > 0 and 1 or 0)
  if others == 0 and sumNow > smallestCap then return 1 end
  return others
end
for _, name in ipairs(told) do
  local m = members[name]
  redis.call('PUBLISH', channelPrefix .. name, string.format('%s %.0f %.0f %.0f %.0f %.0f %.0f',
    tool, count, m[EPOCH], m[GIVEN], waitingFor(m), claimants, smallestCap))
end
if isLeaving then return { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } end
local rank, nextEnd = 0, 0
for name, member in pairs(members) do
  if name < sidecar then rank = rank + 1 end
  local left = member[EXPIRES] - now
  if name ~= sidecar and (nextEnd == 0 or left < nextEnd) then nextEnd = left end
end
return { count, mine[EPOCH], mine[GIVEN], waitingFor(mine), claimants, smallestCap, sidecarsNow, rank,
  math.max(0, opens - now), nextEnd }
