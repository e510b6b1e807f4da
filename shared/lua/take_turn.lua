-- Take the turn to act, or prolong it.
--
-- KEYS[1]  earshot:janitor (string): the token of the janitor that acts; expires unless it is prolonged
-- ARGV[1]  token of the janitor that calls
-- ARGV[2]  milliseconds until it expires
--
-- Returns 1 if the turn is the caller's, else 0.
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
return 1
