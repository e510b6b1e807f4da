-- name: load
-- Read the interruptions that a batch says something new about.
select
    call_id, message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at, kind, played_ms, audio_ms,
    version, fingerprint, field_versions
from interruptions
where (call_id, message_id, ordinal)
    in (select * from unnest(%(call_id)b::text[], %(message_id)b::text[], %(ordinal)b::integer[]))

-- name: touch
-- Write down the version of interruptions whose message the newest snapshot of the call no longer holds.
update interruptions
set version = seen.version::bigint[]
from unnest(%(call_id)b::text[], %(fingerprint)b::bigint[], %(version)b::text[]) as seen (call_id, fingerprint, version)
where interruptions.call_id = any(%(call_id)b::text[])
    and interruptions.call_id = seen.call_id
    and interruptions.fingerprint = seen.fingerprint

-- name: save
-- Write merged interruptions; the caller holds the lock of their calls.
insert into interruptions (
    call_id, message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at, kind, played_ms, audio_ms,
    version, fingerprint, field_versions
)
select
    call_id, message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at, kind, played_ms, audio_ms,
    version::bigint[], fingerprint, field_versions::jsonb
from unnest(
    %(call_id)b::text[], %(message_id)b::text[], %(ordinal)b::integer[], %(interrupted_text)b::text[],
    %(interrupted_message_id)b::text[], %(interrupted_at)b::timestamptz[], %(kind)b::text[],
    %(played_ms)b::double precision[], %(audio_ms)b::double precision[],
    %(version)b::text[], %(fingerprint)b::bigint[], %(field_versions)b::text[]
) as row (
    call_id, message_id, ordinal, interrupted_text, interrupted_message_id, interrupted_at, kind, played_ms, audio_ms,
    version, fingerprint, field_versions
)
order by call_id, message_id, ordinal
on conflict (call_id, message_id, ordinal) do update set
    interrupted_text = excluded.interrupted_text,
    interrupted_message_id = excluded.interrupted_message_id,
    interrupted_at = excluded.interrupted_at,
    kind = excluded.kind,
    played_ms = excluded.played_ms,
    audio_ms = excluded.audio_ms,
    version = excluded.version,
    fingerprint = excluded.fingerprint,
    field_versions = excluded.field_versions
