-- Put jobs whose pause is over back into their queue. Safe to run from many workers at once.
--
-- KEYS[1]  rq:scheduled:<queue> (sorted set): job ids by the time they are due, seconds since 1970
-- KEYS[2]  rq:queue:<queue> (list)
-- ARGV[1]  now, seconds since 1970
-- ARGV[2]  how many at most
local due = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'limit', 0, ARGV[2])
for _, job_id in ipairs(due) do
  local job_key = 'rq:job:' .. job_id
  -- One that has failed for good meanwhile, or is done, is not brought back.
  if redis.call('hget', job_key, 'status') == 'scheduled' then
    redis.call('hset', job_key, 'status', 'queued')
    redis.call('rpush', KEYS[2], job_id)
  end
  redis.call('zrem', KEYS[1], job_id)
end
return #due
