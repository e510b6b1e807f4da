-- Dispatch jobs of one stage again that were found lost, as they were published. A job of which anything has changed
-- since it was looked at is left alone, so a job in the middle of a hand-over is not doubled.
--
-- KEYS[1]  earshot:janitor (string): who acts; a janitor that was too slow to notice its successor does nothing
-- KEYS[2]  rq:queues (set)
-- ARGV[1]  token of the janitor that calls
-- ARGV[2]  stage
-- ARGV[3]  now, as RQ writes a time
-- ARGV[4]  the fields that all jobs of the stage share (JSON list of names and values)
-- ARGV[5]  number n of names, then n names of fields of a job
-- then, for each job: its event's id, its data, and the values that those fields had, joined by newlines
--
-- Returns the ids of the jobs that are dispatched.
if redis.call('get', KEYS[1]) ~= ARGV[1] then
  return {}
end

local stage, now, shared = ARGV[2], ARGV[3], cjson.decode(ARGV[4])
local queue_key = 'rq:queue:' .. stage
local intermediate_key = queue_key .. ':intermediate'
local last_name = 5 + tonumber(ARGV[5])

local function state_of(job_key)
  local values = redis.call('hmget', job_key, unpack(ARGV, 6, last_name))
  for n = 1, #values do
    values[n] = values[n] or ''
  end
  return table.concat(values, '\n')
end

local function is_lost(event_id, job_id, state)
  return redis.call('hexists', 'earshot:event:' .. event_id, 'stage:' .. stage) == 1
    and not redis.call('zscore', 'rq:failed:' .. stage, job_id)
    and not redis.call('zscore', 'rq:scheduled:' .. stage, job_id)
    and state_of('rq:job:' .. job_id) == state
end

-- What it has spent of its attempts stays spent: it may be the job that kills its workers.
local function write_job(job_id, data)
  local job_key = 'rq:job:' .. job_id
  local old = redis.call('hmget', job_key, 'data', 'retries_left', 'meta')
  redis.call('del', job_key)
  redis.call('hset', job_key, unpack(shared))
  redis.call('hset', job_key, 'data', data, 'created_at', now, 'enqueued_at', now, 'description', job_id)
  if old[1] and old[3] then
    redis.call('hset', job_key, 'meta', old[3])
    redis.call('hdel', job_key, 'retries_left')
    if old[2] then
      redis.call('hset', job_key, 'retries_left', old[2])
    end
  end
end

local dispatched = {}
for i = last_name + 1, #ARGV, 3 do
  local event_id, data, state = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local job_id = event_id .. '-' .. stage
  if is_lost(event_id, job_id, state) then
    write_job(job_id, data)
    -- A worker that died while it took the job has left it here, perhaps with the mark of a sweep.
    redis.call('lrem', intermediate_key, 0, job_id)
    redis.call('del', intermediate_key .. ':first_seen:' .. job_id)
    redis.call('rpush', queue_key, job_id)
    dispatched[#dispatched + 1] = job_id
  end
end
if #dispatched > 0 then
  redis.call('sadd', KEYS[2], queue_key)
end
return dispatched
