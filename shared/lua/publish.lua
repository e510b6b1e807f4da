-- Publish one event: its record and one RQ job for each of its stages, all or nothing.
--
-- KEYS[1]  event record (hash): body and its size, event_type, call_id, received_at, reason; `left` counts the stages still to do,
--          and a field `stage:<name>` stands for each of them
-- KEYS[2]  rq:queues (set): the keys of all queues that ever held a job
-- ARGV[1]  event id
-- ARGV[2]  now, as RQ writes a time
-- ARGV[3]  number n of fields of the record, followed by n names and values
-- then, for each stage: its name, the fields that all its jobs share (JSON list of names and values), and the job's data
--
-- Returns 1, or 0 if the same event is pending already and nothing was written.
if redis.call('exists', KEYS[1]) == 1 then
  return 0
end

local event_id, now = ARGV[1], ARGV[2]
local last_field = 3 + 2 * tonumber(ARGV[3])
redis.call('hset', KEYS[1], unpack(ARGV, 4, last_field))

local left = 0
for i = last_field + 1, #ARGV, 3 do
  local stage = ARGV[i]
  local job_id = event_id .. '-' .. stage
  local job_key, queue_key = 'rq:job:' .. job_id, 'rq:queue:' .. stage
  redis.call('hset', job_key, unpack(cjson.decode(ARGV[i + 1])))
  redis.call('hset', job_key, 'data', ARGV[i + 2], 'created_at', now, 'enqueued_at', now, 'description', job_id)
  redis.call('hset', KEYS[1], 'stage:' .. stage, '')
  redis.call('sadd', KEYS[2], queue_key)
  redis.call('rpush', queue_key, job_id)
  left = left + 1
end
redis.call('hset', KEYS[1], 'left', left)
return 1
