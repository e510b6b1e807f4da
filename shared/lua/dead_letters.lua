-- Look at one page of a stage's dead letters, newest first: count those that match, and tell of some of them.
-- A dead letter is a failed job whose event still has the stage to do. No body is read.
--
-- KEYS[1]  rq:failed:<stage> (sorted set): job ids by the time they failed
-- ARGV[1]  stage
-- ARGV[2]  how many jobs to look at
-- ARGV[3]  how many of those that match to tell of
-- ARGV[4]  lowest score
-- ARGV[5]  highest score
-- ARGV[6]  class of the error, or empty for any
-- ARGV[7]  call id, or empty for any
-- ARGV[8]  event id, or empty for any
-- ARGV[9]  where the page before has ended: job id, or empty for the first page
-- ARGV[10] and that job's score
--
-- Returns where the page ends (job id and score; false after the last page); how many match by error (names and
-- numbers in turn); and of each to tell of: job id, score, error, reason, retries_left, meta and ended_at of the job,
-- then event_type, call_id, received_at and size of the event. A field that is missing is false.
local stage, page, tell = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local lowest, highest, error_name, call_id, event_id = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]

local function first_rank()
  if ARGV[9] == '' then
    return redis.call('zcount', KEYS[1], '(' .. ARGV[5], '+inf')
  end
  if redis.call('zscore', KEYS[1], ARGV[9]) == ARGV[10] then
    return redis.call('zrevrank', KEYS[1], ARGV[9]) + 1
  end
  -- Replayed or discarded since: some that failed in the same moment are seen once more, none is missed.
  return redis.call('zcount', KEYS[1], '(' .. ARGV[10], '+inf')
end

local function failed_jobs()
  if event_id == '' then
    local first = first_rank()
    return redis.call('zrevrange', KEYS[1], first, first + page - 1, 'withscores')
  end
  local job_id = event_id .. '-' .. stage
  local score = redis.call('zscore', KEYS[1], job_id)
  return score and tonumber(score) <= highest and {job_id, score} or {}
end

local function has_error(job)
  if error_name == '' or (job[1] or 'unknown') == error_name then
    return true
  end
  return job[2] and string.sub(job[2], 1, #error_name + 1) == error_name .. ':'
end

local jobs = failed_jobs()
local numbers, letters, ended = {}, {}, #jobs < 2 * page
for i = 1, #jobs, 2 do
  local job_id, score = jobs[i], jobs[i + 1]
  if tonumber(score) < lowest then
    ended = true
    break
  end
  local event_key = 'earshot:event:' .. string.sub(job_id, 1, -(#stage + 2))
  local event = redis.call('hmget', event_key, 'stage:' .. stage, 'event_type', 'call_id', 'received_at', 'size')
  if event[1] and (call_id == '' or event[3] == call_id) then
    local job = redis.call('hmget', 'rq:job:' .. job_id, 'error', 'reason', 'retries_left', 'meta', 'ended_at')
    if has_error(job) then
      local name = job[1] or 'unknown'
      numbers[name] = (numbers[name] or 0) + 1
      if #letters < tell then
        letters[#letters + 1] = {
          job_id, score, job[1], job[2], job[3], job[4], job[5], event[2], event[3], event[4], event[5],
        }
      end
    end
  end
end

local counts = {}
for name, number in pairs(numbers) do
  counts[#counts + 1] = name
  counts[#counts + 1] = number
end
return {not ended and {jobs[#jobs - 1], jobs[#jobs]}, counts, letters}
