-- name: list
-- Calls that pass all filters, newest beginning first, behind a given place.
select
    call_id, team_id, assistant_id, assistant_name, llm_model, call_type, direction, status, phone_call_status,
    began_at, started_at, ended_at, duration_ms, message_count, last_message_at, total_cost, end_trigger, outcome
from calls
where (%(status)s::text is null or status = %(status)s)
    and (%(assistant_id)s::text is null or assistant_id = %(assistant_id)s)
    and (%(team_id)s::text is null or team_id = %(team_id)s)
    and (%(since)s::timestamptz is null or began_at >= %(since)s)
    and (%(until)s::timestamptz is null or began_at < %(until)s)
    and (
        %(has_interruptions)s::boolean is null
        or exists (select from interruptions where interruptions.call_id = calls.call_id) = %(has_interruptions)s
    )
    and (
        %(slow)s::boolean is null
        or exists (
            select from call_figures
            where call_figures.call_id = calls.call_id and slowest_turn_ms >= %(slow_turn_ms)s
        ) = %(slow)s
    )
    and (
        %(search)s::text is null
        or exists (
            select from call_figures
            where call_figures.call_id = calls.call_id and words @@ websearch_to_tsquery('simple', %(search)s)
        )
    )
    and (
        %(after_began_at)s::timestamptz is null
        or (
            began_at <= %(after_began_at)s
            and (began_at < %(after_began_at)s or call_id > %(after_call_id)s)
        )
    )
order by began_at desc, call_id
limit %(limit)s

-- name: find
-- One call with all that people may see of it.
select
    call_id, team_id, assistant_id, assistant_name, llm_provider, llm_model, call_type, direction, status,
    phone_call_status, phone_call_status_reason, end_trigger, began_at, started_at, ended_at, duration_ms,
    message_count, last_message_at, summary, success_evaluation, outcome, total_cost, cost
from calls
where call_id = %(call_id)s
