-- name: horizon
-- Name a point such that whatever was written by transactions below it has been seen by a read that comes after.
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon
