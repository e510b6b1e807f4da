-- name: read_progress
-- Read up to where receipts have been looked through. No row where that is not to be relied on: nothing was looked at
-- yet, receipts may have been deleted since, or the tables were restored into a server that counts from elsewhere.
select horizon, open_since
from followers
where follower = %(follower)s
    and seen_at > now() - make_interval(days => %(receipt_days)s)
    and horizon <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint

-- name: start
-- Look through receipts from here on. What had not ended yet began within the hour: no stage may take longer.
insert into followers (follower, horizon, seen_at, open_since, next_number, next_at)
select
    %(follower)s, pg_snapshot_xmin(present)::text::bigint, now(), now() - interval '1 hour',
    pg_snapshot_xmax(present)::text::bigint, now()
from pg_current_snapshot() as present
on conflict (follower) do update set
    horizon = excluded.horizon,
    seen_at = excluded.seen_at,
    open_since = excluded.open_since,
    next_number = excluded.next_number,
    next_at = excluded.next_at

-- name: mark_changed
-- Mark the calls of which stages have stored something since the last look. A receipt is dated by the beginning of its
-- transaction, so what had not ended at the last look may be dated long before it: the time up to which dates are looked
-- at moves on only once all that had begun to write by then has ended.
with snapshot as (
    select pg_snapshot_xmin(present)::text::bigint as oldest, pg_snapshot_xmax(present)::text::bigint as latest
    from pg_current_snapshot() as present
),
calls_marked as (
    insert into stale_calls (call_id, follower)
    select distinct call_id, %(follower)s
    from receipts, snapshot
    where stored_at >= least(%(open_since)s::timestamptz, now()) - make_interval(secs => %(margin_seconds)s)
        and transaction_number(latest, receipts.xmin) >= %(horizon)s
        and call_id <> ''
    order by call_id
    on conflict (call_id, follower) do update set is_urgent = true
    where not stale_calls.is_urgent
)
update followers
set
    horizon = oldest,
    seen_at = now(),
    open_since = case when oldest >= next_number then next_at else open_since end,
    next_number = case when oldest >= next_number then latest else next_number end,
    next_at = case when oldest >= next_number then now() else next_at end
from snapshot
where follower = %(follower)s

-- name: take_calls
-- Take the calls that were marked first, some of them at a time, up to half of them from those that are urgent: these do
-- not wait behind many that were marked at once. A mark that somebody is making is left for the next time.
with urgent as (
    select call_id
    from stale_calls
    where follower = %(follower)s and is_urgent
    order by marked_at, call_id
    limit (%(most)s + 1) / 2
    for update skip locked
),
others as (
    select call_id
    from stale_calls
    where follower = %(follower)s and call_id <> all(array(select call_id from urgent))
    order by marked_at, call_id
    limit %(most)s
    for update skip locked
)
delete from stale_calls
where follower = %(follower)s
    and call_id = any(array(select call_id from urgent union all select call_id from others limit %(most)s))
returning call_id as key, marked_at
