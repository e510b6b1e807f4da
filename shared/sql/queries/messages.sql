-- name: load
-- Read the messages that a batch says something new about.
select call_id, message_id, role, text, spoken_at, confidence, reply_to, version, fingerprint, field_versions
from messages
where (call_id, message_id) in (select * from unnest(%(call_id)b::text[], %(message_id)b::text[]))

-- name: touch
-- Write down the version of messages that the newest snapshot of their call no longer holds.
update messages
set version = seen.version::bigint[]
from unnest(%(call_id)b::text[], %(fingerprint)b::bigint[], %(version)b::text[]) as seen (call_id, fingerprint, version)
where messages.call_id = any(%(call_id)b::text[])
    and messages.call_id = seen.call_id
    and messages.fingerprint = seen.fingerprint

-- name: save
-- Write merged messages; the caller holds the lock of their calls.
insert into messages (
    call_id, message_id, role, text, spoken_at, confidence, reply_to, version, fingerprint, field_versions
)
select
    call_id, message_id, role, text, spoken_at, confidence, reply_to,
    version::bigint[], fingerprint, field_versions::jsonb
from unnest(
    %(call_id)b::text[], %(message_id)b::text[], %(role)b::text[], %(text)b::text[], %(spoken_at)b::timestamptz[],
    %(confidence)b::double precision[], %(reply_to)b::text[],
    %(version)b::text[], %(fingerprint)b::bigint[], %(field_versions)b::text[]
) as row (call_id, message_id, role, text, spoken_at, confidence, reply_to, version, fingerprint, field_versions)
order by call_id, message_id
on conflict (call_id, message_id) do update set
    role = excluded.role,
    text = excluded.text,
    spoken_at = excluded.spoken_at,
    confidence = excluded.confidence,
    reply_to = excluded.reply_to,
    version = excluded.version,
    fingerprint = excluded.fingerprint,
    field_versions = excluded.field_versions

-- name: load_revisions
-- Read the earlier wordings of messages whose text is in question.
select call_id, message_id, text, version
from message_revisions
where (call_id, message_id) in (select * from unnest(%(call_id)b::text[], %(message_id)b::text[]))

-- name: drop_revisions
-- Make room for the renumbered wordings of messages.
delete from message_revisions
where (call_id, message_id) in (select * from unnest(%(call_id)b::text[], %(message_id)b::text[]))

-- name: save_revisions
insert into message_revisions (call_id, message_id, revision, text, replaced_at, version)
select call_id, message_id, revision, text, replaced_at, version::bigint[]
from unnest(
    %(call_id)b::text[], %(message_id)b::text[], %(revision)b::integer[], %(text)b::text[],
    %(replaced_at)b::timestamptz[], %(version)b::text[]
) as row (call_id, message_id, revision, text, replaced_at, version)
order by call_id, message_id, revision

-- name: number_revisions
-- Tell messages how many wordings they had.
update messages
set revision = numbered.revision
from unnest(%(call_id)b::text[], %(message_id)b::text[], %(revision)b::integer[])
    as numbered (call_id, message_id, revision)
where messages.call_id = numbered.call_id and messages.message_id = numbered.message_id
