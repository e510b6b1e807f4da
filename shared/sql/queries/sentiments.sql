-- name: load
-- Read the moods of messages that a batch says something new about.
select
    call_id, message_id, label, score, confidence, scorer, spoken_at, text_digest, version, fingerprint, field_versions
from sentiments
where (call_id, message_id) in (select * from unnest(%(call_id)b::text[], %(message_id)b::text[]))

-- name: touch
-- Write down the version of moods whose message the newest snapshot of the call no longer holds.
update sentiments
set version = seen.version::bigint[]
from unnest(%(call_id)b::text[], %(fingerprint)b::bigint[], %(version)b::text[]) as seen (call_id, fingerprint, version)
where sentiments.call_id = any(%(call_id)b::text[])
    and sentiments.call_id = seen.call_id
    and sentiments.fingerprint = seen.fingerprint

-- name: save
-- Write merged moods; the caller holds the lock of their calls.
insert into sentiments (
    call_id, message_id, label, score, confidence, scorer, spoken_at, text_digest, version, fingerprint, field_versions
)
select
    call_id, message_id, label, score, confidence, scorer, spoken_at, text_digest, version::bigint[], fingerprint,
    field_versions::jsonb
from unnest(
    %(call_id)b::text[], %(message_id)b::text[], %(label)b::text[], %(score)b::double precision[],
    %(confidence)b::double precision[], %(scorer)b::text[], %(spoken_at)b::timestamptz[], %(text_digest)b::text[],
    %(version)b::text[], %(fingerprint)b::bigint[], %(field_versions)b::text[]
) as row (
    call_id, message_id, label, score, confidence, scorer, spoken_at, text_digest, version, fingerprint, field_versions
)
order by call_id, message_id
on conflict (call_id, message_id) do update set
    label = excluded.label,
    score = excluded.score,
    confidence = excluded.confidence,
    scorer = excluded.scorer,
    spoken_at = excluded.spoken_at,
    text_digest = excluded.text_digest,
    version = excluded.version,
    fingerprint = excluded.fingerprint,
    field_versions = excluded.field_versions
