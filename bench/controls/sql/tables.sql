-- The tables of the arms that are not ours: what ours hold of a message, without anything about versions.

create table plain_messages (
    call_id text not null,
    message_id text not null,
    role text,
    text text,
    spoken_at timestamptz,
    confidence double precision,
    primary key (call_id, message_id)
);

create table plain_metrics (
    call_id text not null,
    message_id text not null,
    role text,
    llm_response_latency_ms double precision,
    llm_queue_latency_ms double precision,
    tts_generation_time_ms double precision,
    tts_audio_duration_ms double precision,
    tts_queue_latency_ms double precision,
    tts_is_cache_playing boolean,
    stt_confidence double precision,
    stt_vad_ms double precision,
    stt_duration_ms double precision,
    eou_turn_detection_time_ms double precision,
    primary key (call_id, message_id)
);

create table plain_interruptions (
    call_id text not null,
    message_id text not null,
    ordinal integer not null,
    interrupted_text text,
    interrupted_message_id text,
    interrupted_at timestamptz,
    primary key (call_id, message_id, ordinal)
);
