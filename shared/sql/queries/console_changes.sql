-- name: horizon
-- Name a point such that whatever was written by transactions below it has been seen by a read that comes after.
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon

-- name: calls
-- The rows of calls that were written since the horizon of each.
select
    calls.call_id, team_id, assistant_id, assistant_name, llm_model, call_type, direction, status, phone_call_status,
    began_at, started_at, ended_at, duration_ms, message_count, last_message_at, total_cost, end_trigger, outcome,
    writer, calls.call_id as row_key
from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) as present (latest)
cross join unnest(%(call_ids)s::text[], %(horizons)s::bigint[]) as watched (call_id, horizon)
join calls on calls.call_id = watched.call_id
cross join lateral (select transaction_number(latest, calls.xmin)) as written (writer)
where writer >= watched.horizon

-- name: recent_calls
-- Calls begun since a moment and written since a horizon, in the order of beginning, behind a given place.
select
    call_id, team_id, assistant_id, assistant_name, llm_model, call_type, direction, status, phone_call_status,
    began_at, started_at, ended_at, duration_ms, message_count, last_message_at, total_cost, end_trigger, outcome,
    writer, began_at as row_at, call_id as row_key
from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) as present (latest)
cross join calls
cross join lateral (select transaction_number(latest, calls.xmin)) as written (writer)
where began_at >= %(since)s
    and writer >= %(horizon)s
    and (%(after_at)s::timestamptz is null or (began_at, call_id) > (%(after_at)s, %(after_key)s))
order by began_at, call_id
limit %(limit)s

-- name: messages
-- For each call, up to a limit of the messages written since its horizon, as spoken, behind a given place.
select changed.*
from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) as present (latest)
cross join unnest(%(call_ids)s::text[], %(horizons)s::bigint[]) as watched (call_id, horizon)
cross join lateral (
    select
        call_id, message_id, role, text, spoken_at, confidence, revision, reply_to, writer,
        coalesce(reply_to, message_id) as turn_id, coalesce(spoken_at, 'epoch') as row_at, message_id as row_key
    from messages
    cross join lateral (select transaction_number(latest, messages.xmin)) as written (writer)
    where messages.call_id = watched.call_id
        and writer >= watched.horizon
        and (
            %(after_key)s::text is null
            or (coalesce(spoken_at, 'epoch'), message_id) > (%(after_at)s::timestamptz, %(after_key)s)
        )
    order by row_at, row_key
    limit %(limit)s
) as changed

-- name: measured
-- For each call, up to a limit of the turns with metrics written since its horizon, behind a given place.
select changed.*
from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) as present (latest)
cross join unnest(%(call_ids)s::text[], %(horizons)s::bigint[]) as watched (call_id, horizon)
cross join lateral (
    select
        call_id, writer, coalesce(reply_to, message_id) as turn_id, coalesce(spoken_at, 'epoch') as row_at,
        message_id as row_key
    from message_metrics
    cross join lateral (select transaction_number(latest, message_metrics.xmin)) as written (writer)
    where message_metrics.call_id = watched.call_id
        and writer >= watched.horizon
        and (
            %(after_key)s::text is null
            or (coalesce(spoken_at, 'epoch'), message_id) > (%(after_at)s::timestamptz, %(after_key)s)
        )
    order by row_at, row_key
    limit %(limit)s
) as changed

-- name: statuses
-- For each call, up to a limit of the statuses written since its horizon, as they occurred, behind a given place.
select changed.*
from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) as present (latest)
cross join unnest(%(call_ids)s::text[], %(horizons)s::bigint[]) as watched (call_id, horizon)
cross join lateral (
    select
        call_id, occurred_at, status, phone_call_status, reason, writer, occurred_at as row_at, status as row_key
    from call_statuses
    cross join lateral (select transaction_number(latest, call_statuses.xmin)) as written (writer)
    where call_statuses.call_id = watched.call_id
        and writer >= watched.horizon
        and (
            %(after_key)s::text is null or (occurred_at, status) > (%(after_at)s::timestamptz, %(after_key)s)
        )
    order by row_at, row_key
    limit %(limit)s
) as changed

-- name: interruptions
-- For each call, up to a limit of the interruptions written since its horizon, as they happened, behind a given place.
select changed.*
from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) as present (latest)
cross join unnest(%(call_ids)s::text[], %(horizons)s::bigint[]) as watched (call_id, horizon)
cross join lateral (
    select
        call_id, message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at, kind, played_ms,
        audio_ms, writer, coalesce(interrupted_at, 'epoch') as row_at, message_id || ' ' || ordinal as row_key
    from interruptions
    cross join lateral (select transaction_number(latest, interruptions.xmin)) as written (writer)
    where interruptions.call_id = watched.call_id
        and writer >= watched.horizon
        and (
            %(after_key)s::text is null
            or (coalesce(interrupted_at, 'epoch'), message_id || ' ' || ordinal)
                > (%(after_at)s::timestamptz, %(after_key)s)
        )
    order by row_at, row_key
    limit %(limit)s
) as changed

-- name: incidents
-- For each call, up to a limit of the incidents written since its horizon, as they occurred, behind a given place.
select changed.*
from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) as present (latest)
cross join unnest(%(call_ids)s::text[], %(horizons)s::bigint[]) as watched (call_id, horizon)
cross join lateral (
    select
        call_id, incident_id, message_id, kind, error_type, code, message, provider, retryable, occurred_at, writer,
        coalesce(occurred_at, 'epoch') as row_at, incident_id as row_key
    from incidents
    cross join lateral (select transaction_number(latest, incidents.xmin)) as written (writer)
    where incidents.call_id = watched.call_id
        and writer >= watched.horizon
        and (
            %(after_key)s::text is null
            or (coalesce(occurred_at, 'epoch'), incident_id) > (%(after_at)s::timestamptz, %(after_key)s)
        )
    order by row_at, row_key
    limit %(limit)s
) as changed

-- name: sentiments
-- For each call, up to a limit of the moods written since its horizon, as spoken, behind a given place.
select changed.*
from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) as present (latest)
cross join unnest(%(call_ids)s::text[], %(horizons)s::bigint[]) as watched (call_id, horizon)
cross join lateral (
    select
        call_id, message_id, label, score, confidence, scorer, spoken_at, writer,
        coalesce(spoken_at, 'epoch') as row_at, message_id as row_key
    from sentiments
    cross join lateral (select transaction_number(latest, sentiments.xmin)) as written (writer)
    where sentiments.call_id = watched.call_id
        and writer >= watched.horizon
        and (
            %(after_key)s::text is null
            or (coalesce(spoken_at, 'epoch'), message_id) > (%(after_at)s::timestamptz, %(after_key)s)
        )
    order by row_at, row_key
    limit %(limit)s
) as changed

-- name: alerts
-- For each call, up to a limit of the alerts written since its horizon, as they were raised, behind a given place.
select changed.*
from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) as present (latest)
cross join unnest(%(call_ids)s::text[], %(horizons)s::bigint[]) as watched (call_id, horizon)
cross join lateral (
    select
        alert_id, call_id, nullif(message_id, '') as message_id, rule, nullif(subject, '') as subject, severity,
        began_at, raised_at, clear_since, resolved_at, acknowledged_at, acknowledged_by, is_silenced, detail, writer,
        raised_at as row_at, alert_id as row_key
    from alerts
    cross join lateral (select transaction_number(latest, alerts.xmin)) as written (writer)
    where alerts.call_id = watched.call_id
        and writer >= watched.horizon
        and (%(after_key)s::text is null or (raised_at, alert_id) > (%(after_at)s::timestamptz, %(after_key)s))
    order by row_at, row_key
    limit %(limit)s
) as changed

-- name: turns
-- The turns of given calls and ids.
select found.*
from unnest(%(call_ids)s::text[], %(turn_ids)s::text[]) as wanted (call_id, turn_id)
cross join lateral (
    select
        call_id, turn_id, spoken_at, reply_message_id, replied_at, turn_latency_ms, eou_ms, eou_queue_ms, llm_queue_ms,
        llm_ms, tts_queue_ms, tts_ms, remainder_ms, tts_is_cache_playing, turn_id as row_key
    from turns
    where turns.call_id = wanted.call_id and turns.turn_id = wanted.turn_id
    offset 0
) as found
order by spoken_at, turn_id
