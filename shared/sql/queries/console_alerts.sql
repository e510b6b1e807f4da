-- name: list
-- Alerts that pass all filters, newest first, behind a given place.
select
    alert_id, nullif(call_id, '') as call_id, nullif(message_id, '') as message_id, rule, nullif(subject, '') as subject,
    severity, began_at, raised_at, clear_since, resolved_at, acknowledged_at, acknowledged_by, is_silenced, detail
from alerts
where (%(rule)s::text is null or rule = %(rule)s)
    and (%(call_id)s::text is null or call_id = %(call_id)s)
    and (%(severity)s::text is null or severity = %(severity)s)
    and (%(state)s::text <> 'open' or resolved_at is null)
    and (%(state)s::text <> 'unacknowledged' or acknowledged_at is null)
    and (%(state)s::text <> 'resolved' or resolved_at is not null)
    and (%(since)s::timestamptz is null or raised_at >= %(since)s)
    and (%(until)s::timestamptz is null or raised_at < %(until)s)
    and (
        %(after_raised_at)s::timestamptz is null
        or (
            raised_at <= %(after_raised_at)s
            and (raised_at < %(after_raised_at)s or alert_id > %(after_alert_id)s)
        )
    )
order by raised_at desc, alert_id
limit %(limit)s

-- name: list_of_call
-- The alerts about a call, newest first, behind a given place.
select
    alert_id, call_id, nullif(message_id, '') as message_id, rule, nullif(subject, '') as subject, severity, began_at,
    raised_at, clear_since, resolved_at, acknowledged_at, acknowledged_by, is_silenced, detail
from alerts
where call_id = %(call_id)s
    and (
        %(after_raised_at)s::timestamptz is null
        or raised_at < %(after_raised_at)s
        or (raised_at = %(after_raised_at)s and alert_id > %(after_alert_id)s)
    )
order by raised_at desc, alert_id
limit %(limit)s

-- name: count_waiting
-- Count the open alerts that nobody has acknowledged, but for those of tests, up to a limit. `offset 0` keeps it to the
-- index of what is open: what nobody has acknowledged may be a long history.
select count(*) as alerts
from (
    select
    from (
        select rule, acknowledged_at
        from alerts
        where resolved_at is null
        offset 0
    ) as opened
    where acknowledged_at is null and rule <> %(test_rule)s
    limit %(limit)s
) as waiting

-- name: list_rules
-- The rules by which alerts were raised, by name; found by leaps through the index.
with recursive rules as (
    (
        select rule
        from alerts
        order by rule
        limit 1
    )
    union all
    select following.rule
    from rules
    cross join lateral (
        select alerts.rule
        from alerts
        where alerts.rule > rules.rule
        order by alerts.rule
        limit 1
    ) as following
)
select rule
from rules
limit %(limit)s

-- name: list_silences
-- The silences that hold, the one that ends first in front, behind a given place.
select silence_id, nullif(rule, '') as rule, nullif(call_id, '') as call_id, starts_at, ends_at, who, reason
from silences
where ends_at > %(now)s::timestamptz
    and starts_at <= %(now)s
    and (%(after_silence_id)s::bigint is null or (ends_at, silence_id) > (%(after_ends_at)s, %(after_silence_id)s))
order by ends_at, silence_id
limit %(limit)s
