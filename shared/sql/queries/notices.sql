-- name: make
-- Make a notice of an alert for each channel, unless there is one.
insert into notices (call_id, alert_id, channel, what)
select %(call_id)s, %(alert_id)s, channel, %(what)s
from unnest(%(channels)s::text[]) as channel
on conflict (call_id, alert_id, channel, what) do nothing

-- name: make_resolved
-- Make a notice that an alert is over for those channels that were told of it, in the order in which they were told.
insert into notices (call_id, alert_id, channel, what)
select call_id, alert_id, channel, 'resolved'
from notices
where call_id = %(call_id)s and alert_id = %(alert_id)s and what = 'raised'
    and channel = any(%(channels)s)
order by notice_id
on conflict (call_id, alert_id, channel, what) do nothing

-- name: read_unpublished
-- Read the notices that are not in a queue yet, in the order in which they were made.
select notice_id, call_id, alert_id, channel, what
from notices
where published_at is null
order by notice_id
limit %(most)s

-- name: mark_published
-- Put down that notices are in their queues.
update notices
set published_at = now()
where notice_id = any(%(notice_ids)s)
