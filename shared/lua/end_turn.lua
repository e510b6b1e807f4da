-- Give the turn up, unless it is somebody else's by now.
--
-- KEYS[1]  earshot:janitor (string)
-- ARGV[1]  token of the janitor that calls
if redis.call('get', KEYS[1]) == ARGV[1] then
  redis.call('del', KEYS[1])
end
