-- name: list_alerts
-- Read alerts, those raised last in front, from behind a place on; of a rule, of a call, since a time, where asked for.
select
    alert_id, call_id, message_id, rule, subject, severity, raised_at, began_at, clear_since, resolved_at,
    acknowledged_at, acknowledged_by, is_silenced, detail
from alerts
where (%(rule)s::text is null or rule = %(rule)s)
    and (%(call_id)s::text is null or call_id = %(call_id)s)
    and (%(since)s::timestamptz is null or raised_at >= %(since)s)
    and (%(state)s <> 'open' or resolved_at is null)
    and (%(state)s <> 'unacknowledged' or acknowledged_at is null)
    and (
        %(behind_at)s::timestamptz is null
        or (raised_at <= %(behind_at)s and (raised_at < %(behind_at)s or alert_id > %(behind_id)s))
    )
order by raised_at desc, alert_id
limit %(limit)s

-- name: find_alerts
-- Name the alerts whose ids begin so, two at most. An id is of the digits 0 to 9 and a to f.
select alert_id
from alerts
where alert_id >= %(beginning)s and alert_id < %(beginning)s || 'g'
order by alert_id
limit 2

-- name: acknowledge
-- Put down that somebody has taken note of alerts; who was first stays.
update alerts
set acknowledged_at = %(now)s, acknowledged_by = %(who)s
where alert_id = any(%(alert_ids)s) and acknowledged_at is null

-- name: silence
-- Keep alerts from being sent until a time.
insert into silences (rule, call_id, starts_at, ends_at, who, reason)
values (%(rule)s, %(call_id)s, %(now)s, %(ends_at)s, %(who)s, %(reason)s)
returning silence_id

-- name: end_silence
-- End a silence that still holds.
update silences
set ends_at = %(now)s
where silence_id = %(silence_id)s and ends_at > %(now)s

-- name: list_silences
-- Read the silences that hold, those that end first in front.
select silence_id, rule, call_id, starts_at, ends_at, who, reason
from silences
where ends_at > %(now)s and starts_at <= %(now)s
order by ends_at, silence_id

-- name: raise_test
-- Raise an alert that is over at once.
insert into alerts (alert_id, call_id, rule, severity, raised_at, began_at, resolved_at, detail)
values (%(alert_id)s, '', %(rule)s, 'info', %(now)s, %(now)s, %(now)s, '{"kind": "test"}')

-- name: read_notices
-- Read how it stands with the notices of an alert.
select notice_id, call_id, alert_id, channel, what, made_at, published_at, delivered_at, given_up_at
from notices
where call_id = %(call_id)s and alert_id = %(alert_id)s
order by notice_id

-- name: read_first_waiting
-- Read the notice that a channel delivers next.
select notice_id, call_id, alert_id, channel, what
from notices
where channel = %(channel)s and delivered_at is null and given_up_at is null and passed_over_at is null
order by notice_id
limit 1

-- name: has_tables
-- Whether the tables of the alerts are there.
select to_regclass('notices') is not null and to_regclass('followers') is not null as are_there

-- name: count_given_up
-- Count the notices that were given up lately, by channel; those that a replay has delivered since are none.
select channel, count(*) as number
from notices
where given_up_at > %(since)s and delivered_at is null
group by channel
order by channel

-- name: read_oldest_waiting
-- Read for how long the notice has waited that each channel delivers next.
select channel, extract(epoch from clock_timestamp() - made_at)::double precision as seconds
from unnest(%(channels)s::text[]) as channel
cross join lateral (
    select made_at
    from notices
    where notices.channel = channel.channel and delivered_at is null and given_up_at is null and passed_over_at is null
    order by notice_id
    limit 1
) as oldest

-- name: read_last_look
-- When changes were last looked at for alerts; no row where they never were.
select extract(epoch from clock_timestamp() - seen_at)::double precision as seconds_ago
from followers
where follower = 'alerts'
