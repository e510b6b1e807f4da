-- One row a message that came with metrics. A column is named by its group and leaf; the unit is in the name.

create table message_metrics (
    call_id text not null,
    message_id text not null,
    role text,
    reply_to text,
    spoken_at timestamptz,
    timeline_total_elapsed_time_ms double precision,
    timeline_offset_from_previous_turn_ms double precision,
    audio_total_received_ms double precision,
    audio_delay_per_turn_ms double precision,
    audio_delay_cumulative_ms double precision,
    audio_delayed_packets_per_turn_count bigint,
    audio_delayed_packets_cumulative_count bigint,
    audio_lost_packets_cumulative_count bigint,
    audio_offset_from_previous_turn_ms double precision,
    stt_timestamp_ms bigint,
    stt_start_offset_ms double precision,
    stt_end_offset_ms double precision,
    stt_duration_ms double precision,
    stt_vad_ms double precision,
    stt_relative_latency_ms double precision,
    stt_confidence double precision,
    llm_timestamp_ms bigint,
    llm_queue_latency_ms double precision,
    llm_response_latency_ms double precision,
    tts_audio_duration_ms double precision,
    tts_generation_time_ms double precision,
    tts_queue_latency_ms double precision,
    tts_is_cache_playing boolean,
    eou_turn_detection_time_ms double precision,
    eou_queue_latency_ms double precision,
    player_wait_time_ms double precision,
    extra jsonb,
    version bigint[] not null,
    fingerprint bigint not null,
    field_versions jsonb,
    primary key (call_id, message_id)
);

comment on column message_metrics.stt_timestamp_ms is 'when the transcription was complete, ms since 1970';
comment on column message_metrics.llm_timestamp_ms is 'when the answer was complete, ms since 1970';
comment on column message_metrics.stt_confidence is '0 to 1';
comment on column message_metrics.extra is 'every group and leaf that has no column, and every value that is not of its column''s type';

create index message_metrics_by_reply on message_metrics (call_id, reply_to) where reply_to is not null;
