-- Look over a page of events: how does each of their stages stand? Writes nothing.
--
-- KEYS[...]  event records
-- ARGV[...]  stages
--
-- Returns for each event a word of one letter a stage, in the order of the stages:
--   -  not pending
--   h  held: a dead letter, or waiting for its next attempt, and listed as such
--   g  gone: there is no job, or not all of it; workers pass over it, wherever its id may stand
--   l  to be looked up in the lists of those that wait and those at work, which the caller has read
local record_prefix = #'earshot:event:'

local fields = {}
for n, stage in ipairs(ARGV) do
  fields[n] = 'stage:' .. stage
end

-- A script of ours that came too late may have left a status without the rest.
local function standing(job_id, stage)
  local job = redis.pcall('hmget', 'rq:job:' .. job_id, 'status', 'created_at')
  if job.err then
    return 'h' -- somebody's key of another type: nothing of ours can be put in its place
  end
  local status, is_whole = job[1], job[2]
  if is_whole and status ~= 'failed' and status ~= 'scheduled' then
    return 'l'
  end
  local list = is_whole and status or 'failed'
  return redis.call('zscore', 'rq:' .. list .. ':' .. stage, job_id) and 'h' or is_whole and 'l' or 'g'
end

local words = {}
for i, key in ipairs(KEYS) do
  local event_id = string.sub(key, record_prefix + 1)
  local pending = redis.call('hmget', key, unpack(fields))
  local letters = {}
  for n, stage in ipairs(ARGV) do
    letters[n] = pending[n] and standing(event_id .. '-' .. stage, stage) or '-'
  end
  words[i] = table.concat(letters)
end
return words
