-- name: find_active_calls
-- Find the calls in which something happened within a window, some of them where there are too many. A call
-- takes no longer than some hours, so only those that began since then are looked at; and those with incidents.
select call_id
from calls
where began_at > %(began_after)s and began_at <= %(until)s
    and greatest(began_at, ended_at, last_message_at) >= %(since)s
    and (%(assistants)s::text[] = '{}' or assistant_id = any(%(assistants)s))
union
select call_id
from incidents
left join calls using (call_id)
where occurred_at >= %(since)s and occurred_at <= %(until)s
    and (%(assistants)s::text[] = '{}' or assistant_id = any(%(assistants)s))
limit %(most)s

-- name: count_hung_calls
-- Count the calls in which the assistant hung.
select count(distinct call_id) as hangs
from incidents
where occurred_at >= %(since)s and occurred_at <= %(until)s and kind = 'hang' and call_id = any(%(call_ids)s)

-- name: count_messages
-- Count what was said, by users (each a turn) and by assistants.
select
    count(*) filter (where role = 'user') as turns, count(*) filter (where role = 'assistant') as replies
from messages
where call_id = any(%(call_ids)s) and spoken_at >= %(since)s and spoken_at <= %(until)s

-- name: count_errors
-- Count errors by provider, as far as it is told; the providers with most of them.
select left(coalesce(nullif(provider, ''), 'unknown'), %(longest)s) as subject, count(*) as errors
from incidents
where occurred_at >= %(since)s and occurred_at <= %(until)s and kind = 'error' and call_id = any(%(call_ids)s)
    and (%(error_type)s::text is null or error_type = %(error_type)s)
group by subject
having count(*) >= %(minimum)s
order by errors desc, subject
limit %(most_subjects)s

-- name: measure_latency
-- Work out a percentile of the turn latency.
select
    '' as subject, percentile_cont(%(percentile)s) within group (order by turn_latency_ms) as latency_ms,
    count(turn_latency_ms) as turns
from turns
where call_id = any(%(call_ids)s) and spoken_at >= %(since)s and spoken_at <= %(until)s

-- name: measure_latency_by_assistant
-- Work out a percentile of the turn latency for each assistant; those with most turns.
select
    left(coalesce(assistant_id, ''), %(longest)s) as subject,
    percentile_cont(%(percentile)s) within group (order by turn_latency_ms) as latency_ms,
    count(turn_latency_ms) as turns
from turns
join calls using (call_id)
where call_id = any(%(call_ids)s) and turns.spoken_at >= %(since)s and turns.spoken_at <= %(until)s
group by subject
having count(turn_latency_ms) >= %(minimum)s
order by turns desc, subject
limit %(most_subjects)s

-- name: count_interruptions
-- Count interruptions: of each call those of the kind that has more, since both kinds may tell of the same.
select coalesce(sum(more), 0)::bigint as interruptions
from (
    select
        greatest(
            count(*) filter (where kind = 'barge_in'), count(*) filter (where kind is distinct from 'barge_in')
        ) as more
    from interruptions
    where interrupted_at >= %(since)s and interrupted_at <= %(until)s and call_id = any(%(call_ids)s)
    group by call_id
) as of_calls

-- name: was_heard
-- Tell whether any event was stored in a span of time.
select exists (
    select from receipts
    where stored_at > %(since)s and stored_at <= %(until)s
) as was_heard

-- name: read_last_heard
-- Tell when the last event was stored, if that was after a time.
select max(stored_at) as heard_at
from receipts
where stored_at > %(since)s
