-- name: count
-- Count what a rebuild goes through: calls, and snapshots.
select count(distinct call_id) as calls, count(*) as snapshots
from snapshots
where event_type = any(%(event_types)s::text[])
    and (%(call_ids)s::text[] is null or call_id = any(%(call_ids)s::text[]))
    and (%(since)s::timestamptz is null or received_at >= %(since)s::timestamptz)
    and (%(until)s::timestamptz is null or received_at < %(until)s::timestamptz)

-- name: next_calls
-- Name the next calls in key order, each with the size of its compressed bodies.
select call_id, sum(octet_length(body))::bigint as bytes
from snapshots
where call_id > %(after)s
    and event_type = any(%(event_types)s::text[])
    and (%(call_ids)s::text[] is null or call_id = any(%(call_ids)s::text[]))
    and (%(since)s::timestamptz is null or received_at >= %(since)s::timestamptz)
    and (%(until)s::timestamptz is null or received_at < %(until)s::timestamptz)
group by call_id
order by call_id
limit %(most)s

-- name: read_snapshots
-- Read the bodies of calls.
select call_id, event_type, event_id, received_at, body
from snapshots
where call_id = any(%(batch)s::text[])
    and event_type = any(%(event_types)s::text[])
    and (%(since)s::timestamptz is null or received_at >= %(since)s::timestamptz)
    and (%(until)s::timestamptz is null or received_at < %(until)s::timestamptz)
order by call_id, event_type

-- name: read_keys
-- Name the columns of a table's primary key.
select attribute.attname as name
from pg_index as index
join pg_attribute as attribute on attribute.attrelid = index.indrelid and attribute.attnum = any(index.indkey)
where index.indrelid = %(table)s::regclass and index.indisprimary
order by attribute.attnum

-- name: read_rows
-- Read the rows of calls whole; the name of the table is filled in.
select to_jsonb({table}.*)::text as row
from {table}
where call_id = any(%(batch)s::text[])

-- name: retell_statuses
-- Write statuses that are told again: what they say now stands; of two of one moment the greater, as ever.
insert into call_statuses (call_id, occurred_at, status, phone_call_status, reason)
select call_id, occurred_at, status, max(phone_call_status), max(reason)
from unnest(
    %(call_id)b::text[], %(occurred_at)b::timestamptz[], %(status)b::text[], %(phone_call_status)b::text[],
    %(reason)b::text[]
) as row (call_id, occurred_at, status, phone_call_status, reason)
group by call_id, occurred_at, status
order by call_id, occurred_at, status
on conflict (call_id, occurred_at, status) do update set
    phone_call_status = coalesce(excluded.phone_call_status, call_statuses.phone_call_status),
    reason = coalesce(excluded.reason, call_statuses.reason)
where (call_statuses.phone_call_status, call_statuses.reason) is distinct from (
    coalesce(excluded.phone_call_status, call_statuses.phone_call_status),
    coalesce(excluded.reason, call_statuses.reason)
)

-- name: retell_incidents
-- Write incidents that are told again; the id is a digest of all that an incident is read from, but for the message.
insert into incidents (
    incident_id, call_id, kind, error_type, code, message, provider, retryable, occurred_at, details, message_id
)
select distinct on (told.call_id, told.incident_id)
    told.incident_id, told.call_id, told.kind, told.error_type, told.code, told.message, told.provider, told.retryable,
    told.occurred_at, told.details::jsonb, greatest(told.message_id, incidents.message_id)
from unnest(
    %(incident_id)b::text[], %(call_id)b::text[], %(kind)b::text[], %(error_type)b::text[], %(code)b::text[],
    %(message)b::text[], %(provider)b::text[], %(retryable)b::boolean[], %(occurred_at)b::timestamptz[],
    %(details)b::text[], %(message_id)b::text[]
) as told (
    incident_id, call_id, kind, error_type, code, message, provider, retryable, occurred_at, details, message_id
)
left join incidents on incidents.call_id = told.call_id and incidents.incident_id = told.incident_id
order by told.call_id, told.incident_id, told.message_id desc nulls last
on conflict (call_id, incident_id) do update set
    kind = excluded.kind,
    error_type = excluded.error_type,
    code = excluded.code,
    message = excluded.message,
    provider = excluded.provider,
    retryable = excluded.retryable,
    occurred_at = excluded.occurred_at,
    details = excluded.details,
    message_id = excluded.message_id
where (incidents.*) is distinct from (excluded.*)

-- name: recount_messages
-- Count the messages of calls anew; the caller holds the locks of both.
update calls
set message_count = counted.messages, last_message_at = counted.last_at
from (
    select call_id, count(messages.call_id) as messages, max(spoken_at) as last_at
    from unnest(%(call_ids)b::text[]) as call_id
    left join messages using (call_id)
    group by call_id
) as counted
where calls.call_id = counted.call_id
    and (calls.message_count, calls.last_message_at) is distinct from (counted.messages, counted.last_at)
