-- name: save
-- Write down that a stage has stored events; one that is stored again keeps its newest receipt.
insert into receipts (call_id, event_id, stage, event_type, received_at, written)
select call_id, event_id, %(stage)s, event_type, received_at, written
from unnest(
    %(call_id)b::text[], %(event_id)b::text[], %(event_type)b::text[], %(received_at)b::timestamptz[],
    %(written)b::integer[]
) as row (call_id, event_id, event_type, received_at, written)
order by call_id, event_id
on conflict (call_id, event_id, stage) do update set
    stored_at = excluded.stored_at,
    written = excluded.written
