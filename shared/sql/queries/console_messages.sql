-- name: list
-- The messages of a call in the order they were spoken, behind a given place; what has no time comes last.
select call_id, message_id, role, text, spoken_at, confidence, revision, reply_to
from messages
where call_id = %(call_id)s
    and (
        %(after_message_id)s::text is null
        or (coalesce(spoken_at, 'infinity'), message_id)
            > (coalesce(%(after_spoken_at)s::timestamptz, 'infinity'), %(after_message_id)s)
    )
order by spoken_at, message_id
limit %(limit)s

-- name: exists
-- Tell whether a call has a message of that id.
select
from messages
where call_id = %(call_id)s and message_id = %(message_id)s

-- name: list_revisions
-- The earlier wordings of a message, the first one first, behind a given place.
select call_id, message_id, revision, text, replaced_at
from message_revisions
where call_id = %(call_id)s
    and message_id = %(message_id)s
    and (%(after_revision)s::integer is null or revision > %(after_revision)s)
order by revision
limit %(limit)s

-- name: list_sentiments
-- The moods of a call's messages in the order they were spoken, behind a given place; what has no time comes last.
select call_id, message_id, label, score, confidence, scorer, spoken_at
from sentiments
where call_id = %(call_id)s
    and (
        %(after_message_id)s::text is null
        or (coalesce(spoken_at, 'infinity'), message_id)
            > (coalesce(%(after_spoken_at)s::timestamptz, 'infinity'), %(after_message_id)s)
    )
order by spoken_at, message_id
limit %(limit)s
