-- name: clear_hours
-- Forget the sums of hours, and of their days.
with cleared_calls as (
    delete from hourly_calls where hour = any(%(hours)s::text[]::timestamptz[])
),
cleared_outcomes as (
    delete from hourly_outcomes where hour = any(%(hours)s::text[]::timestamptz[])
)
delete from histograms
where breakdown in ('both', 'assistant', 'model', 'none')
    and (
        (grain = 'hour' and starts_at = any(%(hours)s::text[]::timestamptz[]))
        or (
            grain = 'day'
            and starts_at in (select date_trunc('day', hour::timestamptz, 'UTC') from unnest(%(hours)s::text[]) as hour)
        )
    )

-- name: sum_calls
-- Sum up the calls of hours. Sums of fractions are made with exact numbers: they must not depend on the order. Here and
-- below the calls are listed, so that those few are looked up whatever the planner takes an hour to hold.
with kept as (
    select call_id, hour, assistant_id, llm_model, turns, turns_measured, interruptions, assistant_messages
    from call_figures
    where hour = any(%(hours)s::text[]::timestamptz[])
)
insert into hourly_calls (
    hour, assistant_id, llm_model, calls, ended, failed, interrupted_calls, interruptions, assistant_messages, turns,
    turns_measured, duration_ms, total_cost
)
select
    hour, kept.assistant_id, kept.llm_model, count(*),
    count(*) filter (where ended_at is not null or status in ('finished', 'failed')),
    count(*) filter (where status = 'failed'), count(*) filter (where interruptions > 0), sum(interruptions),
    sum(assistant_messages), sum(turns), sum(turns_measured), coalesce(sum(duration_ms::numeric), 0),
    coalesce(sum(total_cost::numeric), 0)
from kept
join calls using (call_id)
where calls.call_id = any(array(select call_id from kept))
group by hour, kept.assistant_id, kept.llm_model

-- name: sum_outcomes
-- Count how the calls of hours came out.
with kept as (
    select call_id, hour, assistant_id, llm_model
    from call_figures
    where hour = any(%(hours)s::text[]::timestamptz[])
)
insert into hourly_outcomes (hour, assistant_id, llm_model, kind, value, calls)
select hour, kept.assistant_id, kept.llm_model, kind, left(coalesce(value, ''), 80) as value, count(*)
from kept
join calls using (call_id)
cross join lateral (
    values
        ('status', status), ('end_trigger', end_trigger), ('outcome', outcome),
        ('success_evaluation', success_evaluation)
) as came_out (kind, value)
where calls.call_id = any(array(select call_id from kept))
group by hour, kept.assistant_id, kept.llm_model, kind, left(coalesce(value, ''), 80)

-- name: make_hour_histograms
-- Sort each measure of the calls of hours into buckets, for all breakdowns at once. Texts are compared byte by byte, which
-- takes a tenth of the time that a language's order would.
with kept as (
    select call_id, hour, assistant_id, llm_model
    from call_figures
    where hour = any(%(hours)s::text[]::timestamptz[])
),
measured as (
    select hour, assistant_id, llm_model, measure, value
    from kept
    join turns using (call_id)
    cross join lateral (
        values
            ('turn_latency_ms', turn_latency_ms), ('eou_ms', eou_ms), ('eou_queue_ms', eou_queue_ms),
            ('llm_queue_ms', llm_queue_ms), ('llm_ms', llm_ms), ('tts_queue_ms', tts_queue_ms),
            (case when tts_is_cache_playing then 'tts_cached_ms' else 'tts_ms' end, tts_ms),
            ('remainder_ms', remainder_ms)
    ) as part (measure, value)
    where value is not null and turns.call_id = any(array(select call_id from kept))
    union all
    select hour, kept.assistant_id, kept.llm_model, 'duration_ms', duration_ms
    from kept
    join calls using (call_id)
    where duration_ms is not null and calls.call_id = any(array(select call_id from kept))
),
sized as (
    select
        hour, assistant_id, llm_model, measure collate "C" as measure, sign(value) as side,
        least(abs(value), 1e300) as size
    from measured
),
sorted as (
    select
        hour, assistant_id, llm_model, measure,
        (
            case
                when size = 0 then 0
                when size < 1 then side
                else side * (2 + floor(ln(size) / ln(%(growth)s::float8)))
            end
        )::smallint as bucket,
        count(*) as number
    from sized
    group by hour, assistant_id, llm_model, measure, bucket
),
summed as (
    select
        case grouping(assistant_id, llm_model)
            when 0 then 'both' when 1 then 'assistant' when 2 then 'model' else 'none'
        end collate "C" as breakdown,
        hour, coalesce(assistant_id, '') as assistant_id, coalesce(llm_model, '') as llm_model, measure, bucket,
        sum(number)::integer as number
    from sorted
    group by hour, measure, bucket, cube (assistant_id, llm_model)
)
insert into histograms (grain, breakdown, starts_at, assistant_id, llm_model, measure, buckets, counts)
select
    'hour', breakdown, hour, assistant_id, llm_model, measure, array_agg(bucket),
    array_agg(number)
from summed
group by breakdown, hour, assistant_id, llm_model, measure

-- name: prefer_hashing
-- Have what follows in the transaction group by hashing, which takes a third of the time that sorting by texts does.
select set_config('enable_sort', 'off', true)

-- name: make_day_histograms
-- Add the hours' histograms up to those of their days. A day here is 24 hours whatever clocks are set to.
with days as (
    select distinct date_trunc('day', hour::timestamptz, 'UTC') as day
    from unnest(%(hours)s::text[]) as hour
),
summed as (
    select breakdown, day, assistant_id, llm_model, measure, bucket, sum(number)::integer as number
    from days
    join histograms on starts_at >= day and starts_at < day + interval '24 hours'
    cross join lateral unnest(buckets, counts) as part (bucket, number)
    where grain = 'hour' and breakdown in ('both', 'assistant', 'model', 'none')
    group by breakdown, day, assistant_id, llm_model, measure, bucket
)
insert into histograms (grain, breakdown, starts_at, assistant_id, llm_model, measure, buckets, counts)
select
    'day', breakdown, day, assistant_id, llm_model, measure, array_agg(bucket),
    array_agg(number)
from summed
group by breakdown, day, assistant_id, llm_model, measure
