-- Put a batch back to the front of its queue, in the order it had: a server was away, no attempt is spent.
--
-- KEYS[1]  rq:queue:<stage> (list)
-- KEYS[2]  rq:wip:<stage> (sorted set)
-- ARGV[1]  execution id
-- ARGV[2 ...]  ids of the jobs
for i = #ARGV, 2, -1 do
  -- A job whose lease was over has been taken back already, and may be at work elsewhere.
  if redis.call('zrem', KEYS[2], ARGV[i] .. ':' .. ARGV[1]) == 1 then
    redis.call('hset', 'rq:job:' .. ARGV[i], 'status', 'queued')
    redis.call('lpush', KEYS[1], ARGV[i])
  end
end
