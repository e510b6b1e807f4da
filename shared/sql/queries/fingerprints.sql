-- name: claim_calls
-- Make sure that there is a row to lock for each call.
insert into fingerprints (call_id, stage, version, messages)
select call_id, %(stage)s, '{0,0,0,-9223372036854775808}', ''
from unnest(%(call_ids)b::text[]) as call_id
order by call_id
on conflict do nothing

-- name: lock_calls
-- Lock calls for a stage, in key order, and tell the newest snapshot it has taken in.
select call_id, version, messages, history_bytes, history_digest
from fingerprints
where stage = %(stage)s and call_id = any(%(call_ids)b::text[])
order by call_id
for update

-- name: save_known
update fingerprints
set
    version = known.version::bigint[],
    messages = known.messages,
    history_bytes = known.history_bytes,
    history_digest = known.history_digest
from unnest(
    %(call_ids)b::text[], %(versions)b::text[], %(messages)b::bytea[],
    %(history_bytes)b::integer[], %(history_digests)b::bytea[]
) as known (call_id, version, messages, history_bytes, history_digest)
where fingerprints.stage = %(stage)s and fingerprints.call_id = known.call_id
