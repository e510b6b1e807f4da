-- name: read_notice
-- Read a notice and its alert as it is now; the alert's columns are null where there is no such alert any more.
select
    notice_id, notices.call_id, notices.alert_id, channel, what, delivered_at, given_up_at, passed_over_at, published_at,
    rule, severity, message_id, subject, alerts.began_at, raised_at, resolved_at, detail,
    coalesce(assistant_name, assistant_id, '') as assistant,
    coalesce(ended_at is not null or status in ('finished', 'failed'), false) as is_call_over
from notices
left join alerts on alerts.call_id = notices.call_id and alerts.alert_id = notices.alert_id
left join calls on calls.call_id = notices.call_id
where notice_id = %(notice_id)s

-- name: read_oldest
-- Read the oldest notice of a channel that is neither delivered, given up nor passed over, and its alert.
select
    notice_id, notices.call_id, notices.alert_id, channel, what, delivered_at, given_up_at, passed_over_at, published_at,
    rule, severity, message_id, subject, alerts.began_at, raised_at, resolved_at, detail,
    coalesce(assistant_name, assistant_id, '') as assistant,
    coalesce(ended_at is not null or status in ('finished', 'failed'), false) as is_call_over
from notices
left join alerts on alerts.call_id = notices.call_id and alerts.alert_id = notices.alert_id
left join calls on calls.call_id = notices.call_id
where channel = %(channel)s and delivered_at is null and given_up_at is null and passed_over_at is null
order by notice_id
limit 1

-- name: find_behind
-- Find the notice that stands so many places behind another one, or the last where there are fewer.
select notice_id
from (
    select notice_id
    from notices
    where channel = %(channel)s and notice_id > %(notice_id)s
        and delivered_at is null and given_up_at is null and passed_over_at is null
    order by notice_id
    limit %(places)s
) as behind
order by notice_id desc
limit 1

-- name: pass_over
-- Put down that the notices in front of another one are waited for no longer, while their jobs go on.
update notices
set passed_over_at = now()
where channel = %(channel)s and notice_id < %(notice_id)s
    and delivered_at is null and given_up_at is null and passed_over_at is null

-- name: mark_delivered
-- Put down that a notice has been delivered.
update notices
set delivered_at = now()
where notice_id = %(notice_id)s and delivered_at is null

-- name: give_up
-- Put down that a notice is waited for no longer.
update notices
set given_up_at = now()
where notice_id = %(notice_id)s and delivered_at is null and given_up_at is null

-- name: publish_again
-- Have a notice published once more, whose job is gone.
update notices
set published_at = null
where notice_id = %(notice_id)s

-- name: read_personal
-- Read what a notice tells of persons, where that is switched on: a message's text, and the caller's number.
select
    (select text from messages where call_id = %(call_id)s and message_id = %(message_id)s) as message_text,
    (select user_number from calls where call_id = %(call_id)s) as caller_number
