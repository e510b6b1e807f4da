-- name: take_turn
-- Be the only one who works on figures until the transaction ends, if nobody else is. Its statements sum up much: in
-- memory, and compiling them first would take longer than they do.
select
    pg_try_advisory_xact_lock(%(lock)s) as is_ours, set_config('work_mem', '32MB', true),
    set_config('jit', 'off', true)

-- name: read_progress
-- Read up to where receipts have been looked through. No row where that is not to be relied on: nothing was looked at
-- yet, receipts may have been deleted since, or the tables were restored into a server that counts from elsewhere.
select horizon, open_since
from figures_progress
where seen_at > now() - make_interval(days => %(receipt_days)s)
    and horizon <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint

-- name: mark_all
-- Mark everything there is, and look through receipts from here on. What had not ended yet began within the hour: no
-- stage may take longer.
with snapshot as (
    select pg_snapshot_xmin(present)::text::bigint as oldest, pg_snapshot_xmax(present)::text::bigint as latest
    from pg_current_snapshot() as present
),
calls_marked as (
    insert into stale_calls (call_id, is_urgent)
    select call_id, false
    from (select call_id from calls union select call_id from call_figures) as known
    order by call_id
    on conflict do nothing
),
hours_marked as (
    insert into stale_hours (hour)
    select distinct hour from hourly_calls
    on conflict do nothing
)
insert into figures_progress (horizon, seen_at, open_since, next_number, next_at)
select oldest, now(), now() - interval '1 hour', latest, now()
from snapshot
on conflict (is_only_row) do update set
    horizon = excluded.horizon,
    seen_at = excluded.seen_at,
    open_since = excluded.open_since,
    next_number = excluded.next_number,
    next_at = excluded.next_at

-- name: mark_changed
-- Mark the calls of which stages have stored something since the last look. A receipt is dated by the beginning of its
-- transaction, so what had not ended at the last look may be dated long before it: the time up to which dates are looked
-- at moves on only once all that had begun to write by then has ended.
with snapshot as (
    select pg_snapshot_xmin(present)::text::bigint as oldest, pg_snapshot_xmax(present)::text::bigint as latest
    from pg_current_snapshot() as present
),
calls_marked as (
    insert into stale_calls (call_id)
    select distinct call_id
    from receipts, snapshot
    where stored_at >= least(%(open_since)s::timestamptz, now()) - make_interval(secs => %(margin_seconds)s)
        and transaction_number(latest, receipts.xmin) >= %(horizon)s
        and call_id <> ''
    order by call_id
    on conflict (call_id) do update set is_urgent = true
    where not stale_calls.is_urgent
)
update figures_progress
set
    horizon = oldest,
    seen_at = now(),
    open_since = case when oldest >= next_number then next_at else open_since end,
    next_number = case when oldest >= next_number then latest else next_number end,
    next_at = case when oldest >= next_number then now() else next_at end
from snapshot

-- name: mark_calls
-- Have the figures of calls worked out again, with a change in the same transaction that leaves no receipt. A mark that is
-- there is written anew, so that nobody takes it before the change is committed.
insert into stale_calls (call_id, is_urgent)
select call_id, false from unnest(%(call_ids)s::text[]) as call_id
order by call_id
on conflict (call_id) do update set is_urgent = stale_calls.is_urgent

-- name: take_calls
-- Take the calls that were marked first, some of them at a time, up to half of them from those that are urgent: these do
-- not wait behind many that were marked at once. A mark that somebody is making is left for the next time.
with urgent as (
    select call_id
    from stale_calls
    where is_urgent
    order by marked_at, call_id
    limit (%(most)s + 1) / 2
    for update skip locked
),
others as (
    select call_id
    from stale_calls
    where call_id <> all(array(select call_id from urgent))
    order by marked_at, call_id
    limit %(most)s
    for update skip locked
)
delete from stale_calls
where call_id = any(array(select call_id from urgent union all select call_id from others limit %(most)s))
returning call_id as key, marked_at

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
            seen_at, (select min(marked_at) from stale_calls), (select min(marked_at) from stale_hours)
        )
    )::float8 as seconds
from figures_progress
