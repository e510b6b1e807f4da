-- name: save
insert into quarantine (event_id, received_at, reason, body)
select distinct on (event_id) event_id, received_at, reason, body
from unnest(%(event_id)b::text[], %(received_at)b::timestamptz[], %(reason)b::text[], %(body)b::bytea[])
    as row (event_id, received_at, reason, body)
order by event_id
on conflict (event_id) do nothing
