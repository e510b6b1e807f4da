-- Store the metrics of messages, whatever was there before.
insert into plain_metrics (
    call_id, message_id, role, llm_response_latency_ms, llm_queue_latency_ms, tts_generation_time_ms,
    tts_audio_duration_ms, tts_queue_latency_ms, tts_is_cache_playing, stt_confidence, stt_vad_ms, stt_duration_ms,
    eou_turn_detection_time_ms
)
select
    call_id, message_id, role, llm_response_latency_ms, llm_queue_latency_ms, tts_generation_time_ms,
    tts_audio_duration_ms, tts_queue_latency_ms, tts_is_cache_playing, stt_confidence, stt_vad_ms, stt_duration_ms,
    eou_turn_detection_time_ms
from unnest(
    %(call_id)s::text[], %(message_id)s::text[], %(role)s::text[],
    %(llm_response_latency_ms)s::double precision[], %(llm_queue_latency_ms)s::double precision[],
    %(tts_generation_time_ms)s::double precision[], %(tts_audio_duration_ms)s::double precision[],
    %(tts_queue_latency_ms)s::double precision[], %(tts_is_cache_playing)s::boolean[],
    %(stt_confidence)s::double precision[], %(stt_vad_ms)s::double precision[], %(stt_duration_ms)s::double precision[],
    %(eou_turn_detection_time_ms)s::double precision[]
) as told (
    call_id, message_id, role, llm_response_latency_ms, llm_queue_latency_ms, tts_generation_time_ms,
    tts_audio_duration_ms, tts_queue_latency_ms, tts_is_cache_playing, stt_confidence, stt_vad_ms, stt_duration_ms,
    eou_turn_detection_time_ms
)
on conflict (call_id, message_id) do update set
    role = excluded.role,
    llm_response_latency_ms = excluded.llm_response_latency_ms,
    llm_queue_latency_ms = excluded.llm_queue_latency_ms,
    tts_generation_time_ms = excluded.tts_generation_time_ms,
    tts_audio_duration_ms = excluded.tts_audio_duration_ms,
    tts_queue_latency_ms = excluded.tts_queue_latency_ms,
    tts_is_cache_playing = excluded.tts_is_cache_playing,
    stt_confidence = excluded.stt_confidence,
    stt_vad_ms = excluded.stt_vad_ms,
    stt_duration_ms = excluded.stt_duration_ms,
    eou_turn_detection_time_ms = excluded.eou_turn_detection_time_ms
