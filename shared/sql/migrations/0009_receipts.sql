-- Which stage has stored which event, and what came of it.

create table receipts (
    call_id text not null,
    event_id text not null,
    stage text not null,
    event_type text not null,
    received_at timestamptz not null,
    stored_at timestamptz not null default now(),
    written integer not null,
    primary key (call_id, event_id, stage)
);

comment on table receipts is 'kept for a while, so that one can ask what became of an event';
comment on column receipts.call_id is 'empty for a delivery in quarantine';
comment on column receipts.written is 'rows that were new or changed; 0 where other events had told as much';

create index receipts_by_event on receipts (event_id);
create index receipts_by_time on receipts using brin (stored_at) with (autosummarize = on);
