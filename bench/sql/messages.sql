-- What was said in the calls of the plans, with earlier wordings, metrics and interruptions.

insert into messages (
    call_id, message_id, role, text, spoken_at, confidence, revision, reply_to, version, fingerprint
)
select
    call_id, said.message_id, said.role, said.text, said.spoken_at, said.confidence, said.revision, said.reply_to,
    array[(extract(epoch from said.spoken_at) * 1000)::bigint, said.place, 0, 0],
    hashtextextended(said.text, said.place)
from made_turns
cross join lateral (
    values
        (
            1, 'welcome-1', 'assistant', 'Good morning, how can I help you?', began_at,
            null::double precision, 1, null
        ),
        (
            turn * 2, message_id, 'user', asked_text, asked_at,
            0.5 + asked_ms::bigint %% 500 / 1000.0, case when is_reworded then 2 else 1 end, null
        ),
        (turn * 2 + 1, reply_id, 'assistant', reply_text, replied_at, null, 1, message_id)
) as said (place, message_id, role, text, spoken_at, confidence, revision, reply_to)
where said.message_id is not null and (said.place > 1 or turn = 1);

insert into message_revisions (call_id, message_id, revision, text, replaced_at, version)
select
    call_id, message_id, 1, left(asked_text, length(asked_text) / 2), asked_at,
    array[(extract(epoch from asked_at) * 1000)::bigint, turn * 2, 0, 0]
from made_turns
where is_reworded;

insert into message_metrics (
    call_id, message_id, role, spoken_at, timeline_total_elapsed_time_ms, audio_total_received_ms,
    audio_delay_per_turn_ms, stt_timestamp_ms, stt_start_offset_ms, stt_end_offset_ms, stt_duration_ms, stt_vad_ms,
    stt_confidence, eou_turn_detection_time_ms, eou_queue_latency_ms, version, fingerprint
)
select
    call_id, message_id, 'user', asked_at, passed_ms, passed_ms + 15, 190,
    (extract(epoch from heard_at) * 1000)::bigint, passed_ms - asked_ms, passed_ms, asked_ms, 520,
    0.5 + asked_ms::bigint %% 500 / 1000.0, eou_ms, eou_queue_ms,
    array[(extract(epoch from asked_at) * 1000)::bigint, turn * 2, 0, 0], hashtextextended(asked_text, turn)
from made_turns
union all
select
    call_id, 'welcome-1', 'assistant', began_at, 2, 16, null, null, null, null, null, null, null, null, null,
    array[(extract(epoch from began_at) * 1000)::bigint, 1, 0, 0], hashtextextended(call_id, 1)
from made_turns
where turn = 1;

insert into message_metrics (
    call_id, message_id, role, reply_to, spoken_at, timeline_total_elapsed_time_ms, audio_total_received_ms,
    llm_timestamp_ms, llm_queue_latency_ms, llm_response_latency_ms, tts_audio_duration_ms, tts_generation_time_ms,
    tts_queue_latency_ms, tts_is_cache_playing, player_wait_time_ms, version, fingerprint
)
select
    call_id, reply_id, 'assistant', message_id, replied_at, passed_ms, passed_ms + 15,
    (extract(epoch from replied_at) * 1000 - voice_ms)::bigint, llm_queue_ms, llm_ms, audio_ms, voice_ms,
    tts_queue_ms, is_cached, 350,
    array[(extract(epoch from replied_at) * 1000)::bigint, turn * 2 + 1, 0, 0], hashtextextended(reply_text, turn)
from made_turns
where is_answered and is_measured;

with followed as (
    select
        call_id, message_id, turn, is_cut, asked_at, audio_ms,
        lag(reply_id, 1, 'welcome-1') over earlier as cut_id,
        lag(reply_text, 1, 'Good morning, how can I help you?') over earlier as cut_text,
        lag(message_id) over earlier as answered_id
    from made_turns
    window earlier as (partition by number order by turn)
)
insert into interruptions (
    call_id, message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at, kind, played_ms, audio_ms,
    version, fingerprint
)
select
    call_id, told.message_id, told.ordinal, cut_text, cut_id, asked_at, told.kind, told.played_ms, told.audio_ms,
    array[(extract(epoch from asked_at) * 1000)::bigint, turn * 2, 0, 0], hashtextextended(cut_text, turn)
from followed
cross join lateral (
    values
        (message_id, 0, 'skipped', null, null),
        (case when turn %% 3 = 0 then answered_id end, -1 - turn, 'barge_in', audio_ms / 3, audio_ms)
) as told (message_id, ordinal, kind, played_ms, audio_ms)
where is_cut and told.message_id is not null;
