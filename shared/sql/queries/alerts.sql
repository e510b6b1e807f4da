-- name: take_turn
-- Be the only one who raises and resolves alerts until the transaction ends, if nobody else does. Compiling statements
-- would take longer than they do; and no table is read from end to end because its first match is thought to be near.
select
    pg_try_advisory_xact_lock(%(lock)s) as is_ours, set_config('jit', 'off', true),
    set_config('enable_seqscan', 'off', true)

-- name: read_calls
-- Read what rules ask of calls, the newest message among it. A call that has no row yet may have messages. Since when a
-- call is heard of is asked only of one that began before some time and goes on: a long one has many receipts.
select
    wanted.call_id, calls.assistant_id, calls.began_at, calls.total_cost,
    case
        when calls.began_at <= %(heard_if_begun_by)s
            and ended_at is null and (status is null or status not in ('finished', 'failed'))
            then (select min(received_at) from receipts where receipts.call_id = wanted.call_id)
    end as heard_since,
    coalesce(calls.ended_at is not null or calls.status in ('finished', 'failed'), false) as is_over,
    coalesce(calls.status = 'forwarded', false) as is_forwarded,
    newest.message_id, newest.role, newest.spoken_at, answered.at as assistant_spoke_at,
    exists (
        select from messages as reply
        where reply.call_id = wanted.call_id and reply.reply_to = newest.message_id
    ) as is_answered
from unnest(%(call_ids)s::text[]) as wanted (call_id)
left join calls on calls.call_id = wanted.call_id
left join lateral (
    select message_id, role, spoken_at
    from messages
    where messages.call_id = wanted.call_id and spoken_at is not null
    order by spoken_at desc, message_id desc
    limit 1
) as newest on true
left join lateral (
    select spoken_at as at
    from messages
    where messages.call_id = wanted.call_id and spoken_at is not null and role = 'assistant'
    order by spoken_at desc
    limit 1
) as answered on true

-- name: read_moods
-- Read which messages of calls are angry, the earliest first.
select call_id, message_id, confidence, score, spoken_at
from sentiments
where call_id = any(%(call_ids)s) and label = 'negative' and confidence > %(confidence_above)s
order by call_id, spoken_at, message_id

-- name: read_hangs
-- Read the silences of calls in which the assistant hung, each since it had spoken, and until when at least; not those
-- after a person took over. The clock of an event lags behind its messages at times, and an event may be told first
-- without its conversation: so each silence has the names of all that told of it, the first one being of the earliest.
with hangs as (
    select
        incidents.call_id, incident_id, incidents.message_id, occurred_at,
        greatest(occurred_at, place.spoken_at) as hung_at, 'message ' || incidents.message_id as message,
        coalesce('moment ' || extract(epoch from occurred_at), 'incident ' || incident_id) as moment
    from incidents
    left join messages as place
        on place.call_id = incidents.call_id and place.message_id = incidents.message_id
    where incidents.call_id = any(%(call_ids)s) and kind = 'hang'
        and not exists (
            select from call_statuses as taken_over
            where taken_over.call_id = incidents.call_id and taken_over.status = 'forwarded'
                and taken_over.occurred_at <= incidents.occurred_at
        )
)
select
    hangs.call_id, count(*) as hangs, min(occurred_at) as began_at, max(hung_at) as lasted_until,
    (array_agg(hangs.message_id order by hung_at, incident_id) filter (where message is not null))[1] as message_id,
    array_agg(coalesce(message, moment) order by hung_at, incident_id) || array_agg(moment) as names
from hangs
left join lateral (
    select max(spoken_at) as at
    from messages
    where messages.call_id = hangs.call_id and role = 'assistant' and spoken_at <= hung_at
) as spoke on true
group by hangs.call_id, spoke.at
order by hangs.call_id, spoke.at nulls first

-- name: read_confidences
-- Work out how well the users of calls were understood.
select call_id, avg(confidence) as mean, count(*) as messages
from messages
where call_id = any(%(call_ids)s) and role = 'user' and confidence is not null
group by call_id

-- name: read_alerts
-- Read all alerts there ever were about calls.
select call_id, alert_id, rule, message_id, subject, raised_at, clear_since, resolved_at is null as is_open
from alerts
where call_id = any(%(call_ids)s)
order by call_id, alert_id

-- name: read_open_alerts
-- Read the open alerts that are about no call.
select call_id, alert_id, rule, message_id, subject, raised_at, clear_since, true as is_open
from alerts
where call_id = '' and resolved_at is null
order by rule, subject

-- name: find_silent_calls
-- Find calls that go on and whose newest message is a user's without a reply, said in some time; not those of which the
-- rule has told.
select calls.call_id
from calls
cross join lateral (
    select message_id, role, spoken_at
    from messages
    where messages.call_id = calls.call_id and spoken_at is not null
    order by spoken_at desc, message_id desc
    limit 1
) as newest
where calls.began_at > %(began_after)s
    and ended_at is null and (status is null or status not in ('finished', 'failed'))
    and last_message_at > %(said_after)s and last_message_at <= %(said_until)s
    and status is distinct from 'forwarded'
    and (%(assistants)s::text[] = '{}' or assistant_id = any(%(assistants)s))
    and calls.call_id <> all(%(passed_over)s)
    and newest.role = 'user'
    and not exists (
        select from messages as reply
        where reply.call_id = calls.call_id and reply.reply_to = newest.message_id
    )
    and not exists (
        select from alerts
        where alerts.call_id = calls.call_id and rule = %(rule)s and alerts.message_id = newest.message_id
    )
order by calls.began_at desc, calls.call_id
limit %(most)s

-- name: find_endless_calls
-- Find calls that began in some time, were heard of as long ago and go on; not those of which the rule has told.
select call_id
from calls
where began_at > %(began_after)s and began_at <= %(began_until)s
    and ended_at is null and (status is null or status not in ('finished', 'failed'))
    and (%(assistants)s::text[] = '{}' or assistant_id = any(%(assistants)s))
    and call_id <> all(%(passed_over)s)
    and not exists (select from alerts where alerts.call_id = calls.call_id and rule = %(rule)s)
    and exists (
        select from receipts
        where receipts.call_id = calls.call_id and received_at <= %(began_until)s
    )
order by began_at desc, call_id
limit %(most)s

-- name: find_alerted_calls
-- Find the next calls with open alerts, in the order of their ids.
select distinct call_id
from alerts
where resolved_at is null and call_id > %(after)s
order by call_id
limit %(most)s

-- name: raise
-- Raise an alert, unless it was raised before; one that is over when it is found is resolved at once.
insert into alerts (
    alert_id, call_id, message_id, rule, raised_at, detail, subject, severity, began_at, resolved_at, is_silenced
)
values (
    %(alert_id)s, %(call_id)s, %(message_id)s, %(rule)s, %(now)s, %(detail)s, %(subject)s, %(severity)s,
    %(began_at)s, %(resolved_at)s, %(is_silenced)s
)
on conflict do nothing
returning alert_id

-- name: resolve
-- Resolve an alert that is open.
update alerts
set resolved_at = %(now)s, clear_since = coalesce(clear_since, %(now)s)
where call_id = %(call_id)s and alert_id = %(alert_id)s and resolved_at is null
returning alert_id

-- name: clear
-- Write down since when the condition of an open alert holds no more; null when it holds again.
update alerts
set clear_since = %(clear_since)s
where call_id = %(call_id)s and alert_id = %(alert_id)s and resolved_at is null

-- name: read_silences
-- Read which silences hold; empty for all rules, or all calls.
select rule, call_id
from silences
where starts_at <= %(now)s and ends_at > %(now)s

-- name: end_silencing
-- Take the open alerts that no silence holds back any more, some at a time, in the order in which they were raised.
update alerts
set is_silenced = false
where ctid = any(array(
    select held.ctid
    from alerts as held
    where held.is_silenced and held.resolved_at is null
        and not exists (
            select from silences
            where starts_at <= %(now)s and ends_at > %(now)s
                and silences.rule in ('', held.rule) and silences.call_id in ('', held.call_id)
        )
    order by held.raised_at, held.alert_id
    limit %(most)s
    for update
))
returning call_id, alert_id, rule, raised_at
