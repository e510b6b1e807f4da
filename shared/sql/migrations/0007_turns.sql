-- A user's turn and the first reply to it. They are paired by id: the reply's begins with that of the user's message.

create view turns as
select
    said.call_id,
    said.message_id as turn_id,
    said.spoken_at,
    reply.message_id as reply_message_id,
    reply.spoken_at as replied_at,
    latency.turn_latency_ms,
    heard.eou_turn_detection_time_ms as eou_ms,
    heard.eou_queue_latency_ms as eou_queue_ms,
    answered.llm_queue_latency_ms as llm_queue_ms,
    answered.llm_response_latency_ms as llm_ms,
    answered.tts_queue_latency_ms as tts_queue_ms,
    answered.tts_generation_time_ms as tts_ms,
    latency.turn_latency_ms - (
        coalesce(heard.eou_turn_detection_time_ms, 0) + coalesce(heard.eou_queue_latency_ms, 0)
        + coalesce(answered.llm_queue_latency_ms, 0) + coalesce(answered.llm_response_latency_ms, 0)
        + coalesce(answered.tts_queue_latency_ms, 0) + coalesce(answered.tts_generation_time_ms, 0)
    ) as remainder_ms,
    answered.tts_is_cache_playing
from messages as said
left join message_metrics as heard
    on heard.call_id = said.call_id and heard.message_id = said.message_id
left join lateral (
    select candidate.message_id, candidate.spoken_at
    from messages as candidate
    where candidate.call_id = said.call_id and candidate.reply_to = said.message_id
    order by candidate.spoken_at, candidate.message_id
    limit 1
) as reply on true
left join message_metrics as answered
    on answered.call_id = said.call_id and answered.message_id = reply.message_id
cross join lateral (
    select (extract(epoch from reply.spoken_at) * 1000 - heard.stt_timestamp_ms)::double precision as turn_latency_ms
) as latency
where said.role = 'user';

comment on view turns is 'turn_latency_ms, from the end of the transcription to audio ready, is the sum of its parts and the remainder';
