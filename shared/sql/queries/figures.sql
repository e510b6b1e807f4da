-- name: take_turn
-- Be the only one who works on figures until the transaction ends, if nobody else is. Its statements sum up much: in
-- memory, and compiling them first would take longer than they do.
select
    pg_try_advisory_xact_lock(%(lock)s) as is_ours, set_config('work_mem', '32MB', true),
    set_config('jit', 'off', true)

-- name: mark_all
-- Mark everything there is.
with calls_marked as (
    insert into stale_calls (call_id, is_urgent)
    select call_id, false
    from (select call_id from calls union select call_id from call_figures) as known
    order by call_id
    on conflict do nothing
)
insert into stale_hours (hour)
select distinct hour from hourly_calls
on conflict do nothing

-- name: mark_calls
-- Have the figures of calls worked out again, with a change in the same transaction that leaves no receipt. A mark that is
-- there is written anew, so that nobody takes it before the change is committed.
insert into stale_calls (call_id, is_urgent)
select call_id, false from unnest(%(call_ids)s::text[]) as call_id
order by call_id
on conflict (call_id, follower) do update set is_urgent = stale_calls.is_urgent

-- name: refresh_calls
-- Work out the figures of calls, and mark the hours in which they began and begin now. A row that comes out the same is
-- not written; its hour is marked all the same, since its sums are made of more than these figures.
with told as (
    select
        call_id, date_trunc('hour', began_at, 'UTC') as hour, left(coalesce(assistant_id, ''), 256) as assistant_id,
        left(coalesce(llm_model, ''), 256) as llm_model, coalesce(summary, '') as summary
    from calls
    where call_id = any(%(call_ids)s)
),
spoken as (
    select
        call_id, count(*) filter (where role = 'assistant') as assistant_messages,
        string_agg(text, E'\n' order by spoken_at, message_id) as texts
    from messages
    where call_id = any(%(call_ids)s)
    group by call_id
),
timed as (
    select
        call_id, count(*) as turns, count(turn_latency_ms) as turns_measured, max(turn_latency_ms) as slowest_turn_ms
    from turns
    where call_id = any(%(call_ids)s)
    group by call_id
),
cut as (
    select
        call_id,
        greatest(
            count(*) filter (where kind = 'barge_in'), count(*) filter (where kind is distinct from 'barge_in')
        ) as interruptions
    from interruptions
    where call_id = any(%(call_ids)s)
    group by call_id
),
fresh as (
    select
        call_id, hour, assistant_id, llm_model, coalesce(turns, 0) as turns,
        coalesce(turns_measured, 0) as turns_measured, slowest_turn_ms,
        coalesce(assistant_messages, 0) as assistant_messages, coalesce(interruptions, 0) as interruptions,
        to_tsvector('simple', left(concat_ws(E'\n', summary, texts), %(most_characters)s)) as words
    from told
    left join spoken using (call_id)
    left join timed using (call_id)
    left join cut using (call_id)
),
before as (
    select call_id, hour
    from call_figures
    where call_id = any(%(call_ids)s)
),
dropped as (
    delete from call_figures
    where call_id = any(%(call_ids)s) and call_id not in (select call_id from told)
),
saved as (
    insert into call_figures as known (
        call_id, hour, assistant_id, llm_model, turns, turns_measured, slowest_turn_ms, assistant_messages,
        interruptions, words, refreshed_at
    )
    select
        call_id, hour, assistant_id, llm_model, turns, turns_measured, slowest_turn_ms, assistant_messages,
        interruptions, words, now()
    from fresh
    on conflict (call_id) do update set
        hour = excluded.hour,
        assistant_id = excluded.assistant_id,
        llm_model = excluded.llm_model,
        turns = excluded.turns,
        turns_measured = excluded.turns_measured,
        slowest_turn_ms = excluded.slowest_turn_ms,
        assistant_messages = excluded.assistant_messages,
        interruptions = excluded.interruptions,
        words = excluded.words,
        refreshed_at = excluded.refreshed_at
    where (
        known.hour, known.assistant_id, known.llm_model, known.turns, known.turns_measured, known.slowest_turn_ms,
        known.assistant_messages, known.interruptions, known.words
    ) is distinct from (
        excluded.hour, excluded.assistant_id, excluded.llm_model, excluded.turns, excluded.turns_measured,
        excluded.slowest_turn_ms, excluded.assistant_messages, excluded.interruptions, excluded.words
    )
)
insert into stale_hours as known (hour, marked_at)
select hour, %(marked_at)s
from (select hour from before union select hour from fresh) as touched
order by hour
on conflict (hour) do update set marked_at = excluded.marked_at
where excluded.marked_at < known.marked_at

-- name: take_hours
-- Take the newest of the marked hours, which people look at, some of them at a time. As texts: PostgreSQL knows later
-- hours than Python does.
delete from stale_hours
where hour = any(array(select hour from stale_hours order by hour desc limit %(most)s for update skip locked))
returning hour::text as key

-- name: read_delay
-- Tell how many seconds ago a change was made that may still be missing in the figures.
select
    extract(
        epoch from now() - least(
            seen_at, (select min(marked_at) from stale_calls where follower = 'figures'),
            (select min(marked_at) from stale_hours)
        )
    )::float8 as seconds
from followers
where follower = 'figures'
