-- A sidecar gives back all that it holds of one tool and is forgotten; the next in line get it.
-- KEYS[1]  hash of the tool, as in report.lua
-- ARGV     1 sidecar, 2 channel prefix, 3 tool
-- Returns  nothing
-- Tells    those who got a slot, as in report.lua
local EPOCH, EXPIRES, GIVEN, RETURNED, WANT, CAP, PLACE = 1, 2, 3, 4, 5, 6, 7
local key = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if redis.call('HDEL', key, '@' .. ARGV[1]) == 0 then return end

local members, opens, count, sum, claiming, most = {}, 0, 0, 0, 0, math.huge
local line = {}
local flat = redis.call('HGETALL', key)
for i = 1, #flat, 2 do
  local field, value = flat[i], flat[i + 1]
  if field == 'opens' then opens = tonumber(value)
  elseif field == 'count' then count = tonumber(value)
  elseif string.sub(field, 1, 1) == '@' then
    local member, n = {}, 0
    for number in string.gmatch(value, '%d+') do n = n + 1; member[n] = tonumber(number) end
    if member[EXPIRES] <= now then redis.call('HDEL', key, field)
    else
      local name = string.sub(field, 2)
      members[name] = member
      sum = sum + member[GIVEN] - member[RETURNED]
      most = math.min(most, member[CAP])
      if member[GIVEN] > member[RETURNED] or member[WANT] > 0 then claiming = claiming + 1 end
      if member[PLACE] > 0 then line[#line + 1] = name end
    end
  end
end
count = count + 1
local told, isTold, inLine = {}, {}, #line
table.sort(line, function(a, b) return members[a][PLACE] < members[b][PLACE] end)
if now >= opens then
  local first = 1
  while line[first] ~= nil do
    local name = line[first]
    local member = members[name]
    if sum >= most then break end
    local slots = 1
    if line[first + 1] == nil then slots = math.min(member[WANT], most - sum) end
    member[GIVEN], member[WANT], sum = member[GIVEN] + slots, member[WANT] - slots, sum + slots
    if not isTold[name] then isTold[name] = true; told[#told + 1] = name end
    if member[WANT] == 0 then
      member[PLACE] = 0
      inLine = inLine - 1
    else
      count = count + 1
      member[PLACE] = count
      line[#line + 1] = name
    end
    first = first + 1
  end
end
redis.call('HSET', key, 'count', string.format('%.0f', count))
for _, name in ipairs(told) do
  local m = members[name]
  redis.call('HSET', key, '@' .. name, string.format('%.0f %.0f %.0f %.0f %.0f %.0f %.0f %.0f',
    m[EPOCH], m[EXPIRES], m[GIVEN], m[RETURNED], m[WANT], m[CAP], m[PLACE], m[8]))
  local others = inLine - (m[PLACE] > 0 and 1 or 0)
  if others == 0 and sum > most then others = 1 end
  redis.call('PUBLISH', ARGV[2] .. name, string.format('%s %.0f %.0f %.0f %.0f %.0f %.0f',
    ARGV[3], count, m[EPOCH], m[GIVEN], others, claiming, most))
end
