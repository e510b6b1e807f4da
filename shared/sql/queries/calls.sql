-- name: claim
-- Make sure that there is a row to lock for each call.
insert into calls (call_id)
select call_id from unnest(%(call_ids)b::text[]) as call_id
order by call_id
on conflict do nothing

-- name: lock
-- Lock calls, in key order, and read what is known of them.
select
    call_id, team_id, assistant_id, assistant_name, llm_provider, llm_model, call_type, direction, status,
    phone_call_status, phone_call_status_reason, end_trigger, user_number, assistant_number, started_at, ended_at,
    duration_ms, summary, success_evaluation, outcome, structured_data, analysis, total_cost, cost, call_metrics,
    recording, overrides, metadata, version, field_versions
from calls
where call_id = any(%(call_ids)b::text[])
order by call_id
for update

-- name: save
-- Write merged calls; the caller holds their locks.
update calls
set
    team_id = row.team_id,
    assistant_id = row.assistant_id,
    assistant_name = row.assistant_name,
    llm_provider = row.llm_provider,
    llm_model = row.llm_model,
    call_type = row.call_type,
    direction = row.direction,
    status = row.status,
    phone_call_status = row.phone_call_status,
    phone_call_status_reason = row.phone_call_status_reason,
    end_trigger = row.end_trigger,
    user_number = row.user_number,
    assistant_number = row.assistant_number,
    started_at = row.started_at,
    ended_at = row.ended_at,
    duration_ms = row.duration_ms,
    summary = row.summary,
    success_evaluation = row.success_evaluation,
    outcome = row.outcome,
    structured_data = row.structured_data::jsonb,
    analysis = row.analysis::jsonb,
    total_cost = row.total_cost,
    cost = row.cost::jsonb,
    call_metrics = row.call_metrics::jsonb,
    recording = row.recording::jsonb,
    overrides = row.overrides::jsonb,
    metadata = row.metadata::jsonb,
    version = row.version::bigint[],
    field_versions = row.field_versions::jsonb
from unnest(
    %(call_id)b::text[], %(team_id)b::text[], %(assistant_id)b::text[], %(assistant_name)b::text[],
    %(llm_provider)b::text[], %(llm_model)b::text[], %(call_type)b::text[], %(direction)b::text[], %(status)b::text[],
    %(phone_call_status)b::text[], %(phone_call_status_reason)b::text[], %(end_trigger)b::text[],
    %(user_number)b::text[], %(assistant_number)b::text[], %(started_at)b::timestamptz[], %(ended_at)b::timestamptz[],
    %(duration_ms)b::double precision[], %(summary)b::text[], %(success_evaluation)b::text[], %(outcome)b::text[],
    %(structured_data)b::text[], %(analysis)b::text[], %(total_cost)b::double precision[], %(cost)b::text[],
    %(call_metrics)b::text[], %(recording)b::text[], %(overrides)b::text[], %(metadata)b::text[],
    %(version)b::text[], %(field_versions)b::text[]
) as row (
    call_id, team_id, assistant_id, assistant_name, llm_provider, llm_model, call_type, direction, status,
    phone_call_status, phone_call_status_reason, end_trigger, user_number, assistant_number, started_at, ended_at,
    duration_ms, summary, success_evaluation, outcome, structured_data, analysis, total_cost, cost, call_metrics,
    recording, overrides, metadata, version, field_versions
)
where calls.call_id = row.call_id

-- name: count_messages
-- Keep a call's figures about its messages true to them; the caller holds the locks of both.
update calls
set
    message_count = calls.message_count + counted.added,
    last_message_at = (select max(spoken_at) from messages where messages.call_id = calls.call_id)
from unnest(%(call_id)b::text[], %(added)b::integer[]) as counted (call_id, added)
where calls.call_id = counted.call_id

-- name: save_statuses
insert into call_statuses (call_id, occurred_at, status, phone_call_status, reason)
select call_id, occurred_at, status, max(phone_call_status), max(reason)
from unnest(
    %(call_id)b::text[], %(occurred_at)b::timestamptz[], %(status)b::text[], %(phone_call_status)b::text[],
    %(reason)b::text[]
) as row (call_id, occurred_at, status, phone_call_status, reason)
group by call_id, occurred_at, status
order by call_id, occurred_at, status
on conflict (call_id, occurred_at, status) do update set
    phone_call_status = greatest(call_statuses.phone_call_status, excluded.phone_call_status),
    reason = greatest(call_statuses.reason, excluded.reason)

-- name: save_incidents
-- Write incidents, each once. One that is told again with another conversation keeps one message, whichever came first.
insert into incidents (
    incident_id, call_id, kind, error_type, code, message, provider, retryable, occurred_at, details, message_id
)
select distinct on (call_id, incident_id)
    incident_id, call_id, kind, error_type, code, message, provider, retryable, occurred_at, details::jsonb, message_id
from unnest(
    %(incident_id)b::text[], %(call_id)b::text[], %(kind)b::text[], %(error_type)b::text[], %(code)b::text[],
    %(message)b::text[], %(provider)b::text[], %(retryable)b::boolean[], %(occurred_at)b::timestamptz[],
    %(details)b::text[], %(message_id)b::text[]
) as row (
    incident_id, call_id, kind, error_type, code, message, provider, retryable, occurred_at, details, message_id
)
order by call_id, incident_id, message_id desc nulls last
on conflict (call_id, incident_id) do update set message_id = excluded.message_id
where excluded.message_id > coalesce(incidents.message_id, '')

-- name: save_snapshots
-- Keep the richest body of each call and event type.
insert into snapshots (call_id, event_type, event_id, received_at, body, version)
select distinct on (call_id, event_type) call_id, event_type, event_id, received_at, body, version::bigint[]
from unnest(
    %(call_id)b::text[], %(event_type)b::text[], %(event_id)b::text[], %(received_at)b::timestamptz[],
    %(body)b::bytea[], %(version)b::text[]
) as row (call_id, event_type, event_id, received_at, body, version)
order by call_id, event_type, version::bigint[] desc, event_id desc
on conflict (call_id, event_type) do update set
    event_id = excluded.event_id,
    received_at = excluded.received_at,
    body = excluded.body,
    version = excluded.version
where (excluded.version, excluded.event_id) > (snapshots.version, snapshots.event_id)
