-- name: list
-- Calls that pass all filters, newest beginning first, behind a given place. A join that no filter needs is left out by
-- the planner, and one that a filter needs is made in the better order: from the calls, or from the figures' indexes.
select
    calls.call_id, calls.team_id, calls.assistant_id, calls.assistant_name, calls.llm_model, calls.call_type,
    calls.direction, calls.status, calls.phone_call_status, calls.began_at, calls.started_at, calls.ended_at,
    calls.duration_ms, calls.message_count, calls.last_message_at, calls.total_cost, calls.end_trigger, calls.outcome
from calls
left join call_figures on call_figures.call_id = calls.call_id
where (%(status)s::text is null or calls.status = %(status)s)
    and (%(assistant_id)s::text is null or calls.assistant_id = %(assistant_id)s)
    and (%(team_id)s::text is null or calls.team_id = %(team_id)s)
    and (%(llm_model)s::text is null or calls.llm_model = %(llm_model)s)
    and (%(since)s::timestamptz is null or calls.began_at >= %(since)s)
    and (%(until)s::timestamptz is null or calls.began_at < %(until)s)
    and (
        %(has_interruptions)s::boolean is null
        or (%(has_interruptions)s and call_figures.interruptions > 0)
        or (not %(has_interruptions)s and (call_figures.interruptions > 0) is not true)
    )
    and (
        %(slow)s::boolean is null
        or (%(slow)s and call_figures.slowest_turn_ms >= %(slow_turn_ms)s)
        or (not %(slow)s and (call_figures.slowest_turn_ms >= %(slow_turn_ms)s) is not true)
    )
    -- One look into the index for each call on the way; offset 0 keeps PostgreSQL from reading all alerts first.
    and (
        %(alerts)s::boolean is null
        or exists (select from alerts where alerts.call_id = calls.call_id offset 0) = %(alerts)s
    )
    and (%(search)s::text is null or call_figures.words @@ websearch_to_tsquery('simple', %(search)s))
    -- Words side by side, or one without another, are rarer than PostgreSQL thinks, and it would look for them in call
    -- after call. This is always true, but has it expect few calls, and so go by the index of words.
    and (
        %(search)s::text is null
        or %(search)s !~ '"|\S\s+-'
        or coalesce(call_figures.call_id, '') = call_figures.call_id
    )
    and (
        %(after_began_at)s::timestamptz is null
        or (
            calls.began_at <= %(after_began_at)s
            and (calls.began_at < %(after_began_at)s or calls.call_id > %(after_call_id)s)
        )
    )
order by calls.began_at desc, calls.call_id
limit %(limit)s

-- name: find
-- One call with all that people may see of it.
select
    call_id, team_id, assistant_id, assistant_name, llm_provider, llm_model, call_type, direction, status,
    phone_call_status, phone_call_status_reason, end_trigger, began_at, started_at, ended_at, duration_ms,
    message_count, last_message_at, summary, success_evaluation, outcome, total_cost, cost
from calls
where call_id = %(call_id)s

-- name: exists
-- Tell whether there is a call of that id.
select
from calls
where call_id = %(call_id)s

-- name: list_turns
-- The turns of a call as they came, behind a given place; what has no time comes last.
select
    call_id, turn_id, spoken_at, reply_message_id, replied_at, turn_latency_ms, eou_ms, eou_queue_ms, llm_queue_ms,
    llm_ms, tts_queue_ms, tts_ms, remainder_ms, tts_is_cache_playing
from turns
where call_id = %(call_id)s
    and (
        %(after_turn_id)s::text is null
        or (coalesce(spoken_at, 'infinity'), turn_id)
            > (coalesce(%(after_spoken_at)s::timestamptz, 'infinity'), %(after_turn_id)s)
    )
order by spoken_at, turn_id
limit %(limit)s

-- name: list_statuses
-- What statuses a call went through, oldest first, behind a given place.
select call_id, occurred_at, status, phone_call_status, reason
from call_statuses
where call_id = %(call_id)s
    and (
        %(after_status)s::text is null
        or (occurred_at, status) > (%(after_occurred_at)s::timestamptz, %(after_status)s)
    )
order by occurred_at, status
limit %(limit)s

-- name: list_interruptions
-- Where the assistant was cut short in a call, oldest first, behind a given place; what has no time comes last.
select
    call_id, message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at, kind, played_ms, audio_ms
from interruptions
where call_id = %(call_id)s
    and (
        %(after_message_id)s::text is null
        or (coalesce(interrupted_at, 'infinity'), message_id, ordinal)
            > (coalesce(%(after_interrupted_at)s::timestamptz, 'infinity'), %(after_message_id)s, %(after_ordinal)s)
    )
order by interrupted_at, message_id, ordinal
limit %(limit)s

-- name: list_incidents
-- What went wrong in a call, oldest first, behind a given place; what has no time comes last.
select call_id, incident_id, message_id, kind, error_type, code, message, provider, retryable, occurred_at
from incidents
where call_id = %(call_id)s
    and (
        %(after_incident_id)s::text is null
        or (coalesce(occurred_at, 'infinity'), incident_id)
            > (coalesce(%(after_occurred_at)s::timestamptz, 'infinity'), %(after_incident_id)s)
    )
order by occurred_at, incident_id
limit %(limit)s
