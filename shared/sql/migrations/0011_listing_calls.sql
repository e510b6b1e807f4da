-- What people look for calls by, and how a reader asks what has changed since it last looked.

-- These ids were once stored at any length, and one that does not fit into an index would end the migration. New ones are
-- cut likewise (as_key in shared/fields.py), though with another digest.
update calls
set
    team_id = case when length(team_id) > 256 then left(team_id, 200) || '~' || md5(team_id) else team_id end,
    assistant_id = case
        when length(assistant_id) > 256 then left(assistant_id, 200) || '~' || md5(assistant_id) else assistant_id
    end
where length(team_id) > 256 or length(assistant_id) > 256;

drop index calls_by_start;

alter table calls
    add column began_at timestamptz not null generated always as (
        coalesce(started_at, last_message_at, timestamptz '1970-01-01 00:00:00+00')
    ) stored;

comment on column calls.began_at is 'started_at; where that was never told, the newest message''s time, and 1970 without any';

create index calls_by_time on calls (began_at desc, call_id);
create index calls_by_status on calls (status, began_at desc, call_id);
create index calls_by_assistant on calls (assistant_id, began_at desc, call_id);
create index calls_by_team on calls (team_id, began_at desc, call_id);
create index calls_in_progress on calls (began_at desc, call_id)
    where ended_at is null and (status is null or status not in ('finished', 'failed'));

create function transaction_number(latest bigint, short xid) returns bigint
    language sql immutable parallel safe
    return latest - ((latest - short::text::bigint) & 4294967295);

comment on function transaction_number is 'the whole number of a transaction, from a row''s xmin, its lower half, and the latest whole number there is';
