-- Finish one stage of one event, and forget the event with its last stage. Safe to repeat.
--
-- KEYS[1]  event record (hash), as publish.lua writes it
-- ARGV[1]  stage
if redis.call('hdel', KEYS[1], 'stage:' .. ARGV[1]) == 1 and redis.call('hincrby', KEYS[1], 'left', -1) <= 0 then
  redis.call('del', KEYS[1])
end
