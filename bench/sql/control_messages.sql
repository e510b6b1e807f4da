-- A page of a call's messages at the same depth, found by counting the rows before it.
select call_id, message_id, role, text, spoken_at, confidence, revision, reply_to
from messages
where call_id = %(call_id)s
order by spoken_at, message_id
limit %(limit)s offset %(offset)s
