-- name: find_events
-- Name the events whose id begins so; two are enough to know that the beginning is no name. Ids are hexadecimal, so
-- "g" comes after all of them in any collation.
select event_id from receipts where event_id between %(beginning)s::text and %(beginning)s::text || 'g'
union
select event_id from quarantine where event_id between %(beginning)s::text and %(beginning)s::text || 'g'
limit 2

-- name: list_events
-- Name the events of a call that are on record, the newest first.
select event_id
from receipts
where call_id = %(call_id)s
group by event_id
order by max(received_at) desc, event_id
limit %(limit)s

-- name: load_receipts
-- Tell which stages have stored events.
select event_id, stage, event_type, call_id, received_at, stored_at, written
from receipts
where event_id = any(%(event_ids)b::text[])
order by stored_at, stage

-- name: load_quarantine
-- Tell which events are in quarantine, and why.
select event_id, received_at, reason, octet_length(body) as size
from quarantine
where event_id = any(%(event_ids)b::text[])

-- name: load_snapshots
-- Tell which events are the stored snapshots of their calls.
select snapshots.event_id
from snapshots
join unnest(%(call_id)b::text[], %(event_type)b::text[], %(event_id)b::text[]) as told (call_id, event_type, event_id)
    using (call_id, event_type, event_id)
