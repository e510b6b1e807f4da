-- Give up dead letters of one stage for good: the stage counts as done, and the event goes with its last stage.
-- Safe to repeat, and to run twice at once.
--
-- KEYS[1]  rq:failed:<stage> (sorted set)
-- ARGV[1]  stage
-- ARGV[2 ...]  ids of the events
--
-- Returns how many it has given up.
local stage = ARGV[1]
local discarded = 0
for i = 2, #ARGV do
  local job_id, event_key = ARGV[i] .. '-' .. stage, 'earshot:event:' .. ARGV[i]
  if redis.call('zrem', KEYS[1], job_id) == 1 then
    redis.call('del', 'rq:job:' .. job_id, 'rq:results:' .. job_id, 'rq:executions:' .. job_id)
    if redis.call('hdel', event_key, 'stage:' .. stage) == 1 then
      if redis.call('hincrby', event_key, 'left', -1) <= 0 then
        redis.call('del', event_key)
      end
      discarded = discarded + 1
    end
  end
end
return discarded
