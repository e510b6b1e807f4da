-- Take a batch of jobs off a queue, as RQ's own worker takes one, and read their events in the same round trip.
--
-- Each job is entered in the started registry with the end of its lease before it leaves the queue's list for good; when
-- the worker dies, RQ's sweep finds it there and runs it again.
--
-- KEYS[1]  rq:queue:<stage> (list)
-- KEYS[2]  rq:queue:<stage>:intermediate (list): where RQ's blocking pop has put the first job, if there is one
-- KEYS[3]  rq:wip:<stage> (sorted set): the started registry, `<job id>:<execution id>` by the end of the lease
-- KEYS[4]  rq:worker:<name> (hash): what RQ tells of the worker
-- ARGV[1]  stage
-- ARGV[2]  id of the first job, or empty
-- ARGV[3]  how many jobs at most
-- ARGV[4]  how many bytes of bodies, uncompressed, at which the batch is full
-- ARGV[5]  end of the lease, seconds since 1970
-- ARGV[6]  now, as RQ writes a time
-- ARGV[7]  name of the worker
-- ARGV[8]  execution id
--
-- Returns, for each job: its id; its data, retries_left and meta; then its event's body, event_type, call_id,
-- received_at and reason. A field that is missing is false.
local stage, most, full = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local taken, leases, bytes, seen = {}, {}, 0, {}
local is_closed = false

-- A job that has spent an attempt may be the one that kills its workers: it is taken by itself, so that only it pays.
local function has_failed(job)
  return job[3] and job[3] ~= '{"attempts": ' .. (job[2] or '0') .. '}'
end

-- Tells whether the job has been dealt with; one that must wait for its own turn has not.
local function take(job_id)
  local job_key = 'rq:job:' .. job_id
  local job = redis.call('hmget', job_key, 'data', 'retries_left', 'meta')
  if not job[1] or seen[job_id] then
    return true -- deleted while it waited, as RQ passes over it too; or in the list twice
  end
  is_closed = has_failed(job)
  if is_closed and #taken > 0 then
    return false
  end
  seen[job_id] = true
  local event_key = 'earshot:event:' .. string.sub(job_id, 1, -(#stage + 2))
  local event = redis.call('hmget', event_key, 'body', 'event_type', 'call_id', 'received_at', 'reason', 'size')
  redis.call('hset', job_key, 'status', 'started', 'started_at', ARGV[6], 'last_heartbeat', ARGV[6], 'worker_name', ARGV[7])
  taken[#taken + 1] = {job_id, job[1], job[2], job[3], event[1], event[2], event[3], event[4], event[5]}
  leases[#leases + 1] = ARGV[5]
  leases[#leases + 1] = job_id .. ':' .. ARGV[8]
  bytes = bytes + (tonumber(event[6]) or 0)
  return true
end

if ARGV[2] ~= '' then
  take(ARGV[2])
  redis.call('lrem', KEYS[2], 1, ARGV[2])
  redis.call('del', KEYS[2] .. ':first_seen:' .. ARGV[2])
end
local waiting = redis.call('lrange', KEYS[1], 0, most - 1)
local passed = 0
while passed < #waiting and #taken < most and bytes < full and not is_closed do
  if take(waiting[passed + 1]) then
    passed = passed + 1
  end
end
if passed > 0 then
  redis.call('ltrim', KEYS[1], passed, -1)
end
if #leases > 0 then
  redis.call('zadd', KEYS[3], unpack(leases))
  redis.call('hset', KEYS[4], 'state', 'busy')
end
return taken
