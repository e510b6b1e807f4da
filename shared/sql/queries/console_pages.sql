-- name: list_in_progress
-- Calls that go on now, newest activity first, with their last words, and how many such calls there are in all.
select live.*, words.role as last_role, words.text as last_text
from (
    select
        call_id, assistant_id, assistant_name, direction, status, began_at, ended_at, duration_ms, message_count,
        last_message_at, greatest(last_message_at, began_at) as active_at, count(*) over () as calls
    from calls
    where ended_at is null
        and (status is null or status not in ('finished', 'failed'))
        and began_at >= %(began_since)s
        and greatest(last_message_at, began_at) >= %(active_since)s
    order by greatest(last_message_at, began_at) desc, call_id
    limit %(limit)s
) as live
left join lateral (
    select role, left(text, 500) as text
    from messages
    where messages.call_id = live.call_id and spoken_at is not null
    order by spoken_at desc
    limit 1
) as words on true
order by live.active_at desc, live.call_id

-- name: list_recent
-- Of the latest calls that do not go on now, those of the newest activity.
select
    call_id, assistant_id, assistant_name, direction, status, began_at, ended_at, duration_ms, message_count,
    last_message_at, greatest(ended_at, last_message_at, began_at) as active_at
from (
    select
        call_id, assistant_id, assistant_name, direction, status, began_at, ended_at, duration_ms, message_count,
        last_message_at
    from calls
    where not (
        ended_at is null
        and (status is null or status not in ('finished', 'failed'))
        and began_at >= %(began_since)s
        and greatest(last_message_at, began_at) >= %(active_since)s
    )
    order by began_at desc, call_id
    limit %(looked_at)s
) as latest
order by active_at desc, call_id
limit %(limit)s

-- name: list_marks
-- Of some calls, their slowest turn, whether the assistant was cut short, and how many alerts there are and are open.
select
    asked.call_id, call_figures.slowest_turn_ms,
    exists (select from interruptions where interruptions.call_id = asked.call_id) as is_interrupted, alerted.alerts,
    alerted.open_alerts
from unnest(%(call_ids)s::text[]) as asked (call_id)
left join call_figures on call_figures.call_id = asked.call_id
cross join lateral (
    select count(*) as alerts, count(*) filter (where resolved_at is null) as open_alerts
    from alerts
    where alerts.call_id = asked.call_id
) as alerted

-- name: list_teams
-- The teams that have had calls, each with the assistant of its newest one; found by leaps through the index.
with recursive teams as (
    (
        select team_id, assistant_name
        from calls
        where team_id is not null
        order by team_id, began_at desc, call_id
        limit 1
    )
    union all
    select following.team_id, following.assistant_name
    from teams
    cross join lateral (
        select calls.team_id, calls.assistant_name
        from calls
        where calls.team_id > teams.team_id
        order by calls.team_id, calls.began_at desc, calls.call_id
        limit 1
    ) as following
)
select team_id as value, assistant_name as name
from teams
limit %(limit)s

-- name: count_parts
-- How much there is of a call, and how many of its messages come before one of them. Interruptions are counted as in
-- call_figures: of the kind that has more, since both kinds may tell of the same.
select
    count(*) as messages,
    (
        select greatest(
            count(*) filter (where kind = 'barge_in'), count(*) filter (where kind is distinct from 'barge_in')
        )
        from interruptions
        where interruptions.call_id = %(call_id)s
    ) as interruptions,
    (
        select count(earlier.message_id)
        from messages as sought
        left join messages as earlier
            on earlier.call_id = sought.call_id
            and (coalesce(earlier.spoken_at, 'infinity'), earlier.message_id)
                < (coalesce(sought.spoken_at, 'infinity'), sought.message_id)
        where sought.call_id = %(call_id)s and sought.message_id = %(message_id)s
        group by sought.message_id
    ) as earlier
from messages
where messages.call_id = %(call_id)s

-- name: list_messages
-- A page of a call's messages in the order they were spoken; what has no time comes last.
select call_id, message_id, role, text, spoken_at, confidence, revision, reply_to
from messages
where call_id = %(call_id)s
order by spoken_at, message_id
offset %(offset)s
limit %(limit)s

-- name: list_turns
-- Some turns of a call, with how long the player waited for the reply; looked up one by one, since a call may be long.
select
    turns.call_id, turns.turn_id, turns.spoken_at, turns.reply_message_id, turns.replied_at, turns.turn_latency_ms,
    turns.eou_ms, turns.eou_queue_ms, turns.llm_queue_ms, turns.llm_ms, turns.tts_queue_ms, turns.tts_ms,
    turns.remainder_ms, turns.tts_is_cache_playing, player.player_wait_time_ms
from turns
left join lateral (
    select player_wait_time_ms
    from message_metrics
    where message_metrics.call_id = turns.call_id and message_metrics.message_id = turns.reply_message_id
    offset 0
) as player on true
where turns.call_id = %(call_id)s and turns.turn_id = any(%(turn_ids)s::text[])

-- name: list_interruptions
-- Where the assistant was cut short, as far as it is about some messages of a call.
select
    call_id, message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at, kind, played_ms, audio_ms
from interruptions
where call_id = %(call_id)s
    and (message_id = any(%(message_ids)s::text[]) or interrupted_message_id = any(%(message_ids)s::text[]))
order by message_id, ordinal desc

-- name: list_sentiments
-- The moods of some messages of a call.
select call_id, message_id, label, score, confidence, scorer, spoken_at
from sentiments
where call_id = %(call_id)s and message_id = any(%(message_ids)s::text[])

-- name: list_incidents
-- What went wrong in a call, oldest first, each with the message behind which it stands: the one that the event told, or
-- else the last that was spoken before it; none where it came before all.
select
    call_id, incident_id, message_id, kind, error_type, code, message, provider, retryable, occurred_at,
    coalesce(
        (
            select told.message_id
            from messages as told
            where told.call_id = incidents.call_id and told.message_id = incidents.message_id
        ),
        (
            select before.message_id
            from messages as before
            where before.call_id = incidents.call_id and before.spoken_at <= incidents.occurred_at
            order by before.spoken_at desc, before.message_id desc
            limit 1
        )
    ) as behind_message_id
from incidents
where call_id = %(call_id)s
order by occurred_at, incident_id
limit %(limit)s

-- name: list_names
-- Of some calls, how their assistant is called.
select call_id, coalesce(assistant_name, assistant_id, '') as name
from calls
where call_id = any(%(call_ids)s::text[])
