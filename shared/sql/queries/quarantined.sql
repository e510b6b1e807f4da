-- name: count
-- Count the deliveries that match, by reason.
select reason, count(*) as number
from quarantine
where (%(event_id)s::text is null or event_id = %(event_id)s)
    and (%(reason)s::text is null or reason = %(reason)s)
    and (%(since)s::timestamptz is null or received_at >= %(since)s)
    and (%(until)s::timestamptz is null or received_at <= %(until)s)
group by reason
order by number desc, reason

-- name: list
-- Tell of the newest that match.
select event_id, received_at, reason, octet_length(body) as size
from quarantine
where (%(event_id)s::text is null or event_id = %(event_id)s)
    and (%(reason)s::text is null or reason = %(reason)s)
    and (%(since)s::timestamptz is null or received_at >= %(since)s)
    and (%(until)s::timestamptz is null or received_at <= %(until)s)
order by received_at desc, event_id desc
limit %(limit)s

-- name: list_behind
-- Tell of those that match, newest first, behind a given place.
select event_id, received_at, reason, octet_length(body) as size
from quarantine
where (%(event_id)s::text is null or event_id = %(event_id)s)
    and (%(reason)s::text is null or reason = %(reason)s)
    and (%(since)s::timestamptz is null or received_at >= %(since)s)
    and (%(until)s::timestamptz is null or received_at <= %(until)s)
    and (
        %(after_event_id)s::text is null
        or (received_at, event_id) < (%(after_received_at)s::timestamptz, %(after_event_id)s)
    )
order by received_at desc, event_id desc
limit %(limit)s

-- name: match
-- Name all that match, oldest first.
select event_id
from quarantine
where (%(event_id)s::text is null or event_id = %(event_id)s)
    and (%(reason)s::text is null or reason = %(reason)s)
    and (%(since)s::timestamptz is null or received_at >= %(since)s)
    and (%(until)s::timestamptz is null or received_at <= %(until)s)
order by received_at, event_id

-- name: load
-- Read deliveries whole.
select event_id, received_at, reason, body
from quarantine
where event_id = any(%(event_ids)b::text[])
order by received_at, event_id

-- name: look
-- Read a delivery for a person to look at: a body that is larger than what can be laid out only as far as it is shown.
select
    event_id, received_at, reason, octet_length(body) as size,
    case when octet_length(body) <= %(largest)s then body else substring(body from 1 for %(shown)s) end as body
from quarantine
where event_id = any(%(event_ids)s::text[])

-- name: delete
-- Take deliveries out of quarantine, and name those that were still there.
delete from quarantine
where event_id = any(%(event_ids)b::text[])
returning event_id
