-- name: as_of
-- Tell up to when every change is in the figures; no row before anything was looked at.
select
    least(
        seen_at, (select min(marked_at) from stale_calls where follower = 'figures'),
        (select min(marked_at) from stale_hours)
    ) as as_of
from followers
where follower = 'figures'

-- name: groups
-- Sum up the calls that began in a period, by what is asked for; the largest groups where there are too many. Hours and
-- days are never too many: the period is limited.
select
    case %(by)s::text
        when 'assistant' then assistant_id
        when 'model' then llm_model
        when 'hour' then to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        when 'day' then to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"00:00:00"Z"')
    end as key,
    sum(calls)::bigint as calls, sum(ended)::bigint as ended, sum(failed)::bigint as failed,
    sum(interrupted_calls)::bigint as interrupted_calls, sum(interruptions)::bigint as interruptions,
    sum(assistant_messages)::bigint as assistant_messages, sum(turns)::bigint as turns,
    sum(turns_measured)::bigint as turns_measured, sum(duration_ms) as duration_ms, sum(total_cost) as total_cost
from hourly_calls
where hour >= %(since)s and hour < %(until)s
    and (%(assistant_id)s::text is null or assistant_id = left(%(assistant_id)s, 256))
    and (%(llm_model)s::text is null or llm_model = left(%(llm_model)s, 256))
group by key
order by calls desc, key
limit case when %(by)s in ('assistant', 'model') then %(most)s::bigint end

-- name: histograms
-- Read the histograms of a period: those of whole days where there are, and those of hours for the rest.
select
    case %(by)s::text
        when 'assistant' then assistant_id
        when 'model' then llm_model
        when 'hour' then to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        when 'day' then to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD"T"00:00:00"Z"')
    end as key,
    measure, buckets, counts
from histograms
where breakdown = %(breakdown)s
    and measure = any(%(measures)s::text[])
    and (
        (grain = 'day' and starts_at >= %(days_since)s and starts_at < %(days_until)s)
        or (grain = 'hour' and starts_at >= %(since)s and starts_at < %(days_since)s)
        or (grain = 'hour' and starts_at >= %(days_until)s and starts_at < %(until)s)
    )
    and (%(assistant_id)s::text is null or assistant_id = left(%(assistant_id)s, 256))
    and (%(llm_model)s::text is null or llm_model = left(%(llm_model)s, 256))
    and (%(by)s <> 'assistant' or assistant_id = any(%(keys)s::text[]))
    and (%(by)s <> 'model' or llm_model = any(%(keys)s::text[]))

-- name: outcomes
-- Count how the calls of a period came out; of each kind the most frequent values.
select kind, value, calls
from (
    select
        kind, value, sum(calls)::bigint as calls,
        row_number() over (partition by kind order by sum(calls) desc, value) as place
    from hourly_outcomes
    where hour >= %(since)s and hour < %(until)s
        and (%(assistant_id)s::text is null or assistant_id = left(%(assistant_id)s, 256))
        and (%(llm_model)s::text is null or llm_model = left(%(llm_model)s, 256))
    group by kind, value
) as counted
where place <= %(most)s
order by kind, calls desc, value

-- name: interrupted_texts
-- Name what was cut short most often in the calls that began in a period.
select text, sum(interruptions)::bigint as interruptions, count(*) as calls
from (
    select left(interrupted_text, %(most_characters)s) as text, call_id, count(*) as interruptions
    from call_figures
    join interruptions using (call_id)
    where hour >= %(since)s and hour < %(until)s
        and call_figures.interruptions > 0
        and (%(assistant_id)s::text is null or assistant_id = left(%(assistant_id)s, 256))
        and (%(llm_model)s::text is null or llm_model = left(%(llm_model)s, 256))
        and interrupted_text <> ''
    group by text, call_id
) as of_call
group by text
order by interruptions desc, calls desc, text
limit %(most)s
