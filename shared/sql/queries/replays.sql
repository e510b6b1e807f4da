-- name: open
-- Write down that somebody begins to replay or discard something.
insert into replays (who, action, source, filter, matched)
values (%(who)s, %(action)s, %(source)s, %(filter)s::jsonb, %(matched)s)
returning replay_id

-- name: count
-- Keep up with how far it has come, so that it is known even of a run that is killed.
update replays
set replayed = %(replayed)s, skipped = %(skipped)s
where replay_id = %(replay_id)s

-- name: close
-- Write down how it ended.
update replays
set replayed = %(replayed)s, skipped = %(skipped)s, outcome = %(outcome)s, finished_at = now()
where replay_id = %(replay_id)s

-- name: list
-- Tell of the newest ones.
select replay_id, started_at, finished_at, who, action, source, filter, matched, replayed, skipped, outcome
from replays
order by replay_id desc
limit %(limit)s
