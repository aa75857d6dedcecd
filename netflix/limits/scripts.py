"""What Redis does for the counters, each in one call: in Lua, on its own clock."""

# Every counter is a list of the times, in microseconds of Redis's own clock, newest first, of the
# attempts that were let in. All counters of an attempt are read and written in one call, so that no
# other attempt comes between. KEYS: counters. ARGV: amount and window (µs) of each.
# Answer: {0, stamp, number of a counter that this used up or 0} when let in, else {number of the deciding
# counter, µs to wait, 0}.
ACQUIRE = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local decided, wait = 0, 0
for i, key in ipairs(KEYS) do
  local oldest = redis.call('LINDEX', key, ARGV[2 * i - 1] - 1)
  local left = oldest and oldest + ARGV[2 * i] - now or 0
  if left > wait then decided, wait = i, left end
end
if decided > 0 then return {decided, wait, 0} end
for _, key in ipairs(KEYS) do
  now = math.max(now, (redis.call('LINDEX', key, 0) or 0) + 1)
end
local stamp, used_up = string.format('%.0f', now), 0
for i, key in ipairs(KEYS) do
  redis.call('LPUSH', key, stamp)
  redis.call('LTRIM', key, 0, ARGV[2 * i - 1] - 1)
  redis.call('PEXPIRE', key, math.ceil(ARGV[2 * i] / 1000))
  local oldest = redis.call('LINDEX', key, ARGV[2 * i - 1] - 1)
  if oldest and oldest + ARGV[2 * i] > now then used_up = i end
end
return {0, now, used_up}
"""

# KEYS: counters. ARGV: the stamp to take back, and in how many of them; the rest is forgotten.
REFUND = """
for i, key in ipairs(KEYS) do
  if i <= ARGV[2] + 0 then redis.call('LREM', key, 1, ARGV[1]) else redis.call('UNLINK', key) end
end
"""

# Tells Redis of an attempt that was let in without it. KEYS: a counter. ARGV: amount, window, stamp.
# Answer: when it heard, after every stamp that it gave out without knowing.
REPORT = """
local t = redis.call('TIME')
local next = (redis.call('LINDEX', KEYS[1], 0) or 0) + 1
local stamp = math.max(ARGV[3] + 0, next)
redis.call('LPUSH', KEYS[1], string.format('%.0f', stamp))
redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[2] / 1000))
return math.max(t[1] * 1000000 + t[2], next)
"""

# What ACQUIRE would find, changing nothing. KEYS: counters. ARGV: amount and window (µs) of each.
# Answer: the stamp that an attempt would get, then for each counter the attempts that count and µs to wait.
LOOK = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local answer = {now}
for i, key in ipairs(KEYS) do
  local used, beyond = 0, redis.call('LLEN', key)
  while used < beyond do
    local middle = math.floor((used + beyond) / 2)
    if redis.call('LINDEX', key, middle) + ARGV[2 * i] > now then used = middle + 1 else beyond = middle end
  end
  local oldest = redis.call('LINDEX', key, ARGV[2 * i - 1] - 1)
  answer[2 * i] = used
  answer[2 * i + 1] = math.max(0, oldest and oldest + ARGV[2 * i] - now or 0)
  answer[1] = math.max(answer[1], (redis.call('LINDEX', key, 0) or 0) + 1)
end
return answer
"""

# How counters stand. KEYS: counters. ARGV: for each of them the number of its rule, as one byte; 1 when only those are
# wanted that refuse, else 0; then amount and window (µs) of each rule. Answer: five numbers for each that counts: which
# it is, how many attempts, the first and the last stamp, and µs to wait; then how many of the keys are no lists. A long
# one is searched, so that hundreds of them do not hold Redis either. What is no time, or one beyond the year 2255, is
# not ours and is passed over.
READ = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local tonumber, call, pcall, rules = tonumber, redis.call, redis.pcall, ARGV[1]
local all = ARGV[2] == '0'
local function time(text)
  local at = tonumber(text)
  return at and at < 9e15 and at or 0
end
local amounts, since = {}, {}
for number = 1, (#ARGV - 2) / 2 do
  amounts[number], since[number] = ARGV[2 * number + 1] + 0, now - ARGV[2 * number + 2]
end
local answer, n, odd = {}, 0, 0
for number, key in ipairs(KEYS) do
  local rule = rules:byte(number)
  local amount, past = amounts[rule], since[rule]
  -- Most refuse nobody, and one look tells.
  local one = all or pcall('LINDEX', key, amount - 1)
  local times = (all or time(one) > past) and pcall('LRANGE', key, 0, 15) or {}
  local length, used, first, last, oldest = #times, 0, 0, 0, 0
  if length == 16 then
    local beyond = call('LLEN', key)
    while used < beyond do
      local middle = math.floor((used + beyond) / 2)
      if time(call('LINDEX', key, middle)) > past then used = middle + 1 else beyond = middle end
    end
    first, last = time(call('LINDEX', key, used - 1)), time(times[1])
    oldest = time(times[amount] or call('LINDEX', key, amount - 1))
  else
    for index = 1, length do
      local at = time(times[index])
      if at > past then
        used, first = used + 1, at
        if used == 1 then last = at end
        if used == amount then oldest = at end
      end
    end
  end
  local wait = oldest > past and oldest - past or 0
  if length == 0 and (times.err or type(one) == 'table') then odd = odd + 1 end
  if used > 0 and (all or wait > 0) then
    answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4], answer[n + 5] = number, used, first, last, wait
    n = n + 5
  end
end
answer[n + 1] = odd
return answer
"""

# Of which keys something is wrong. KEYS: what should be counters. Answer: number and fault of each that is none.
ODD = """
local odd = {}
for number, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'list' and kind ~= 'none' then
    odd[#odd + 1] = {number, 'wrong type'}
  elseif kind == 'list' and redis.call('PTTL', key) == -1 then
    odd[#odd + 1] = {number, 'no expiry'}
  elseif kind == 'list' then
    for _, end_ in ipairs({0, -1}) do
      if not tonumber(redis.call('LINDEX', key, end_)) then
        odd[#odd + 1] = {number, 'no times'}
        break
      end
    end
  end
end
return odd
"""
