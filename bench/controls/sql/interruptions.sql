-- Store interruptions, whatever was there before.
insert into plain_interruptions (
    call_id, message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at
)
select call_id, message_id, ordinal, interrupted_text, interrupted_message_id, to_timestamp(interrupted_at / 1000)
from unnest(
    %(call_id)s::text[], %(message_id)s::text[], %(ordinal)s::integer[], %(interrupted_text)s::text[],
    %(interrupted_message_id)s::text[], %(interrupted_at)s::double precision[]
) as told (call_id, message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at)
on conflict (call_id, message_id, ordinal) do update set
    interrupted_text = excluded.interrupted_text,
    interrupted_message_id = excluded.interrupted_message_id,
    interrupted_at = excluded.interrupted_at
