-- Put dead letters of one stage back into its queue, each as it was published: with all its attempts, without a past.
-- Safe to repeat, and to run twice at once: only who takes a job off the failed registry puts it into the queue.
--
-- KEYS[1]  rq:failed:<stage> (sorted set)
-- KEYS[2]  rq:queue:<stage> (list)
-- KEYS[3]  rq:queues (set): the keys of all queues that ever held a job
-- ARGV[1]  stage
-- ARGV[2]  now, as RQ writes a time
-- ARGV[3]  the fields that all jobs of the stage share (JSON list of names and values), as publish.lua takes them
-- then, for each job: its event's id, and the job's data
--
-- Returns how many it has put back.
local stage, now, shared_fields = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local replayed = 0
for i = 4, #ARGV, 2 do
  local event_id = ARGV[i]
  local job_id = event_id .. '-' .. stage
  local is_pending = redis.call('hexists', 'earshot:event:' .. event_id, 'stage:' .. stage) == 1
  if is_pending and redis.call('zrem', KEYS[1], job_id) == 1 then
    local job_key = 'rq:job:' .. job_id
    redis.call('del', job_key, 'rq:results:' .. job_id, 'rq:executions:' .. job_id)
    redis.call('hset', job_key, unpack(shared_fields))
    redis.call('hset', job_key, 'data', ARGV[i + 1], 'created_at', now, 'enqueued_at', now, 'description', job_id)
    redis.call('rpush', KEYS[2], job_id)
    replayed = replayed + 1
  end
end
if replayed > 0 then
  redis.call('sadd', KEYS[3], KEYS[2])
end
return replayed
