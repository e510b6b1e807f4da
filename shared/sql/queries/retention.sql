-- name: delete_old_receipts
-- Delete a piece of the receipts that are older than some days, and count them; rows that a stage writes at the moment
-- are left for the next time. Repeat it until it deletes nothing.
with old as (
    select ctid
    from receipts
    where stored_at < now() - make_interval(days => %(days)s)
    limit %(most)s
    for update skip locked
),
deleted as (
    delete from receipts
    where ctid = any(array(select ctid from old))
    returning 1
)
select count(*) as receipts
from deleted
