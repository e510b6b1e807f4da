-- Finish a batch of jobs that succeeded: the jobs, their place in the started registry, and their stage of the events.
-- Safe to repeat, and to run when a lease is over and another worker has the job: the event is done either way.
--
-- KEYS[1]  rq:wip:<stage> (sorted set)
-- KEYS[2]  rq:worker:<name> (hash): what RQ tells of the worker
-- ARGV[1]  stage
-- ARGV[2]  execution id
-- ARGV[3]  seconds the batch took
-- ARGV[4 ...]  ids of the jobs
local field = 'stage:' .. ARGV[1]
local done, leases, ids = {}, {}, {}
for i = 4, #ARGV do
  local job_id = ARGV[i]
  local event_key = 'earshot:event:' .. string.sub(job_id, 1, -(#ARGV[1] + 2))
  if redis.call('hdel', event_key, field) == 1 and redis.call('hincrby', event_key, 'left', -1) <= 0 then
    done[#done + 1] = event_key
  end
  done[#done + 1] = 'rq:job:' .. job_id
  ids[#ids + 1] = job_id
  leases[#leases + 1] = job_id .. ':' .. ARGV[2]
end
redis.call('del', unpack(done))
redis.call('zrem', KEYS[1], unpack(leases))
-- A sweep that found the lease over may have listed them there.
redis.call('zrem', 'rq:failed:' .. ARGV[1], unpack(ids))
redis.call('zrem', 'rq:scheduled:' .. ARGV[1], unpack(ids))
redis.call('hset', KEYS[2], 'state', 'idle')
redis.call('hincrby', KEYS[2], 'successful_job_count', #ARGV - 3)
redis.call('hincrbyfloat', KEYS[2], 'total_working_time', ARGV[3])
