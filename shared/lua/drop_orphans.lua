-- Drop jobs that nothing is pending for: their event has passed their stage, or is gone. Among them
-- are failed jobs that are no dead letters, since another run of the stage has succeeded.
--
-- KEYS[1]  earshot:janitor (string): who acts
-- KEYS[2 ...]  rq:job:<id> (hash): any jobs, also of others who share this server
-- ARGV[1]  token of the janitor that calls
-- ARGV[2]  time, as RQ writes it: what was touched later is left alone
-- ARGV[3 ...]  stages
--
-- Returns how many were dropped.
if redis.call('get', KEYS[1]) ~= ARGV[1] then
  return 0
end

local is_stage = {}
for i = 3, #ARGV do
  is_stage[ARGV[i]] = true
end

local function is_recent(job_key)
  local times = redis.call('hmget', job_key, 'enqueued_at', 'started_at', 'last_heartbeat', 'created_at')
  for n = 1, 4 do
    if times[n] and times[n] > ARGV[2] then
      return true
    end
  end
  return false
end

local function is_orphan(job_key, event_id, stage)
  return redis.call('hexists', 'earshot:event:' .. event_id, 'stage:' .. stage) == 0
    and not is_recent(job_key)
end

local dropped = 0
for i = 2, #KEYS do
  local event_id, stage = string.match(KEYS[i], '^rq:job:(%x+)-(%l+)$')
  if event_id and #event_id == 32 and is_stage[stage] and is_orphan(KEYS[i], event_id, stage) then
    local job_id = event_id .. '-' .. stage
    redis.call('del', KEYS[i], 'rq:results:' .. job_id, 'rq:executions:' .. job_id)
    redis.call('zrem', 'rq:scheduled:' .. stage, job_id)
    redis.call('zrem', 'rq:failed:' .. stage, job_id)
    dropped = dropped + 1
  end
end
return dropped
