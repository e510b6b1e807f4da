-- name: read_server
-- How the server is, and how near it is to its limit of connections.
select
    current_setting('server_version_num')::integer as version,
    current_setting('server_version') as version_text,
    pg_is_in_recovery() as is_standby,
    current_setting('default_transaction_read_only')::boolean as is_read_only,
    extract(epoch from clock_timestamp())::double precision as clock,
    current_setting('max_connections')::integer
        - coalesce(current_setting('superuser_reserved_connections', true)::integer, 0)
        - coalesce(current_setting('reserved_connections', true)::integer, 0) as connections_allowed,
    (select sum(numbackends) from pg_stat_database)::integer as connections_open

-- name: list_migrations
-- Which migrations are applied; none where there is no such table.
select name
from migrations

-- name: has_migrations
-- Whether the table of the applied migrations is there.
select to_regclass('migrations') is not null as is_there
