-- name: make_tables
-- The spool's own file (SQLite): `events` waits to be published, `unreadable` waits for a person. `totals` has one row,
-- kept by the triggers, so that the size of the spool is known without counting.
-- A number is never given twice (autoincrement), so that what was published is not mistaken for a later event.
pragma user_version = 1;
create table events (
    number integer primary key autoincrement,
    event_id text not null unique,
    received_at_ms integer not null,
    stages text not null,
    event_type text not null,
    call_id text not null,
    reason text not null,
    body blob not null,
    bytes integer not null,
    failures integer not null default 0
);
create index events_to_publish on events (failures, number);
create table unreadable as select * from events where false;
create table totals (only integer primary key check (only = 1), events integer, bytes integer);
insert into totals values (1, 0, 0);
create trigger count_added after insert on events begin
    update totals set events = events + 1, bytes = bytes + new.bytes;
end;
create trigger count_removed after delete on events begin
    update totals set events = events - 1, bytes = bytes - old.bytes;
end;

-- name: find_event
select 1 from events where event_id = :event_id

-- name: add_event
insert into events (event_id, received_at_ms, stages, event_type, call_id, reason, body, bytes)
values (:event_id, :received_at_ms, :stages, :event_type, :call_id, :reason, :body, :bytes)

-- name: read_totals
-- How much waits, and since when the one that came first.
select
    events,
    bytes,
    (select received_at_ms from events order by number limit 1) as oldest_ms,
    (select count(*) from unreadable) as unreadable
from totals

-- name: read_oldest
-- In the order of arrival; what could not be published before comes after what was not tried as often.
select number, event_id, received_at_ms, stages, event_type, call_id, reason, body
from events
order by failures, number

-- name: remove_event
delete from events where number = :number and event_id = :event_id

-- name: postpone_event
update events set failures = failures + 1 where number = :number and event_id = :event_id

-- name: set_aside_event
insert into unreadable select * from events where number = :number and event_id = :event_id
