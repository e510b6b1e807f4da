-- name: find_events
-- Find events in the spool's file (SQLite) by the beginning of their id, or by their call; no body is read.
select event_id, received_at_ms, stages, event_type, call_id, false as is_unreadable
from events
where (:beginning <> '' and substr(event_id, 1, length(:beginning)) = :beginning) or call_id = :call_id
union all
select event_id, received_at_ms, stages, event_type, call_id, true
from unreadable
where (:beginning <> '' and substr(event_id, 1, length(:beginning)) = :beginning) or call_id = :call_id
order by received_at_ms desc
limit :limit
