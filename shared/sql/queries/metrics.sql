-- name: load
-- Read the metrics of messages that a batch says something new about.
select
    call_id, message_id, role, reply_to, spoken_at, timeline_total_elapsed_time_ms,
    timeline_offset_from_previous_turn_ms, audio_total_received_ms, audio_delay_per_turn_ms, audio_delay_cumulative_ms,
    audio_delayed_packets_per_turn_count, audio_delayed_packets_cumulative_count,
    audio_lost_packets_cumulative_count, audio_offset_from_previous_turn_ms, stt_timestamp_ms, stt_start_offset_ms,
    stt_end_offset_ms, stt_duration_ms, stt_vad_ms, stt_relative_latency_ms, stt_confidence, llm_timestamp_ms,
    llm_queue_latency_ms, llm_response_latency_ms, tts_audio_duration_ms, tts_generation_time_ms,
    tts_queue_latency_ms, tts_is_cache_playing, eou_turn_detection_time_ms, eou_queue_latency_ms,
    player_wait_time_ms, extra, version, fingerprint, field_versions
from message_metrics
where (call_id, message_id) in (select * from unnest(%(call_id)b::text[], %(message_id)b::text[]))

-- name: touch
-- Write down the version of metrics whose message the newest snapshot of the call no longer holds.
update message_metrics
set version = seen.version::bigint[]
from unnest(%(call_id)b::text[], %(fingerprint)b::bigint[], %(version)b::text[]) as seen (call_id, fingerprint, version)
where message_metrics.call_id = any(%(call_id)b::text[])
    and message_metrics.call_id = seen.call_id
    and message_metrics.fingerprint = seen.fingerprint

-- name: save
-- Write merged metrics; the caller holds the lock of their calls.
insert into message_metrics (
    call_id, message_id, role, reply_to, spoken_at, timeline_total_elapsed_time_ms,
    timeline_offset_from_previous_turn_ms, audio_total_received_ms, audio_delay_per_turn_ms,
    audio_delay_cumulative_ms, audio_delayed_packets_per_turn_count, audio_delayed_packets_cumulative_count,
    audio_lost_packets_cumulative_count, audio_offset_from_previous_turn_ms, stt_timestamp_ms, stt_start_offset_ms,
    stt_end_offset_ms, stt_duration_ms, stt_vad_ms, stt_relative_latency_ms, stt_confidence, llm_timestamp_ms,
    llm_queue_latency_ms, llm_response_latency_ms, tts_audio_duration_ms, tts_generation_time_ms,
    tts_queue_latency_ms, tts_is_cache_playing, eou_turn_detection_time_ms, eou_queue_latency_ms,
    player_wait_time_ms, extra, version, fingerprint, field_versions
)
select
    call_id, message_id, role, reply_to, spoken_at, timeline_total_elapsed_time_ms,
    timeline_offset_from_previous_turn_ms, audio_total_received_ms, audio_delay_per_turn_ms,
    audio_delay_cumulative_ms, audio_delayed_packets_per_turn_count, audio_delayed_packets_cumulative_count,
    audio_lost_packets_cumulative_count, audio_offset_from_previous_turn_ms, stt_timestamp_ms, stt_start_offset_ms,
    stt_end_offset_ms, stt_duration_ms, stt_vad_ms, stt_relative_latency_ms, stt_confidence, llm_timestamp_ms,
    llm_queue_latency_ms, llm_response_latency_ms, tts_audio_duration_ms, tts_generation_time_ms,
    tts_queue_latency_ms, tts_is_cache_playing, eou_turn_detection_time_ms, eou_queue_latency_ms,
    player_wait_time_ms, extra::jsonb, version::bigint[], fingerprint, field_versions::jsonb
from unnest(
    %(call_id)b::text[], %(message_id)b::text[], %(role)b::text[], %(reply_to)b::text[],
    %(spoken_at)b::timestamptz[], %(timeline_total_elapsed_time_ms)b::double precision[],
    %(timeline_offset_from_previous_turn_ms)b::double precision[], %(audio_total_received_ms)b::double precision[],
    %(audio_delay_per_turn_ms)b::double precision[], %(audio_delay_cumulative_ms)b::double precision[],
    %(audio_delayed_packets_per_turn_count)b::bigint[], %(audio_delayed_packets_cumulative_count)b::bigint[],
    %(audio_lost_packets_cumulative_count)b::bigint[], %(audio_offset_from_previous_turn_ms)b::double precision[],
    %(stt_timestamp_ms)b::bigint[], %(stt_start_offset_ms)b::double precision[],
    %(stt_end_offset_ms)b::double precision[], %(stt_duration_ms)b::double precision[],
    %(stt_vad_ms)b::double precision[], %(stt_relative_latency_ms)b::double precision[],
    %(stt_confidence)b::double precision[], %(llm_timestamp_ms)b::bigint[],
    %(llm_queue_latency_ms)b::double precision[], %(llm_response_latency_ms)b::double precision[],
    %(tts_audio_duration_ms)b::double precision[], %(tts_generation_time_ms)b::double precision[],
    %(tts_queue_latency_ms)b::double precision[], %(tts_is_cache_playing)b::boolean[],
    %(eou_turn_detection_time_ms)b::double precision[], %(eou_queue_latency_ms)b::double precision[],
    %(player_wait_time_ms)b::double precision[], %(extra)b::text[], %(version)b::text[], %(fingerprint)b::bigint[],
    %(field_versions)b::text[]
) as row (
    call_id, message_id, role, reply_to, spoken_at, timeline_total_elapsed_time_ms,
    timeline_offset_from_previous_turn_ms, audio_total_received_ms, audio_delay_per_turn_ms,
    audio_delay_cumulative_ms, audio_delayed_packets_per_turn_count, audio_delayed_packets_cumulative_count,
    audio_lost_packets_cumulative_count, audio_offset_from_previous_turn_ms, stt_timestamp_ms, stt_start_offset_ms,
    stt_end_offset_ms, stt_duration_ms, stt_vad_ms, stt_relative_latency_ms, stt_confidence, llm_timestamp_ms,
    llm_queue_latency_ms, llm_response_latency_ms, tts_audio_duration_ms, tts_generation_time_ms,
    tts_queue_latency_ms, tts_is_cache_playing, eou_turn_detection_time_ms, eou_queue_latency_ms,
    player_wait_time_ms, extra, version, fingerprint, field_versions
)
order by call_id, message_id
on conflict (call_id, message_id) do update set
    role = excluded.role,
    reply_to = excluded.reply_to,
    spoken_at = excluded.spoken_at,
    timeline_total_elapsed_time_ms = excluded.timeline_total_elapsed_time_ms,
    timeline_offset_from_previous_turn_ms = excluded.timeline_offset_from_previous_turn_ms,
    audio_total_received_ms = excluded.audio_total_received_ms,
    audio_delay_per_turn_ms = excluded.audio_delay_per_turn_ms,
    audio_delay_cumulative_ms = excluded.audio_delay_cumulative_ms,
    audio_delayed_packets_per_turn_count = excluded.audio_delayed_packets_per_turn_count,
    audio_delayed_packets_cumulative_count = excluded.audio_delayed_packets_cumulative_count,
    audio_lost_packets_cumulative_count = excluded.audio_lost_packets_cumulative_count,
    audio_offset_from_previous_turn_ms = excluded.audio_offset_from_previous_turn_ms,
    stt_timestamp_ms = excluded.stt_timestamp_ms,
    stt_start_offset_ms = excluded.stt_start_offset_ms,
    stt_end_offset_ms = excluded.stt_end_offset_ms,
    stt_duration_ms = excluded.stt_duration_ms,
    stt_vad_ms = excluded.stt_vad_ms,
    stt_relative_latency_ms = excluded.stt_relative_latency_ms,
    stt_confidence = excluded.stt_confidence,
    llm_timestamp_ms = excluded.llm_timestamp_ms,
    llm_queue_latency_ms = excluded.llm_queue_latency_ms,
    llm_response_latency_ms = excluded.llm_response_latency_ms,
    tts_audio_duration_ms = excluded.tts_audio_duration_ms,
    tts_generation_time_ms = excluded.tts_generation_time_ms,
    tts_queue_latency_ms = excluded.tts_queue_latency_ms,
    tts_is_cache_playing = excluded.tts_is_cache_playing,
    eou_turn_detection_time_ms = excluded.eou_turn_detection_time_ms,
    eou_queue_latency_ms = excluded.eou_queue_latency_ms,
    player_wait_time_ms = excluded.player_wait_time_ms,
    extra = excluded.extra,
    version = excluded.version,
    fingerprint = excluded.fingerprint,
    field_versions = excluded.field_versions
