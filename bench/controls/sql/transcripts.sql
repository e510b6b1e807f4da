-- Store messages, whatever was there before.
insert into plain_messages (call_id, message_id, role, text, spoken_at, confidence)
select call_id, message_id, role, text, to_timestamp(spoken_at / 1000), confidence
from unnest(
    %(call_id)s::text[], %(message_id)s::text[], %(role)s::text[], %(text)s::text[],
    %(spoken_at)s::double precision[], %(confidence)s::double precision[]
) as told (call_id, message_id, role, text, spoken_at, confidence)
on conflict (call_id, message_id) do update set
    role = excluded.role,
    text = excluded.text,
    spoken_at = excluded.spoken_at,
    confidence = excluded.confidence
