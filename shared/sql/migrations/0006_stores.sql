-- What the pipeline keeps for itself: bodies to rebuild from, bodies it could not use, and what each stage has seen.

create table snapshots (
    call_id text not null,
    event_type text not null,
    event_id text not null,
    received_at timestamptz not null,
    body bytea not null,
    version bigint[] not null,
    primary key (call_id, event_type)
);

comment on table snapshots is 'the richest body received of each call and event type';
comment on column snapshots.body is 'JSON, compressed with zstd';

create table quarantine (
    event_id text primary key,
    received_at timestamptz not null,
    reason text not null,
    body bytea not null
);

comment on table quarantine is 'deliveries that no stage could take, whole, less the sender''s secrets';

create index quarantine_by_time on quarantine (received_at, event_id);

create table fingerprints (
    call_id text not null,
    stage text not null,
    version bigint[] not null,
    messages bytea not null,
    primary key (call_id, stage)
);

comment on table fingerprints is 'the newest snapshot that each stage has taken in of each call';
comment on column fingerprints.messages is '16 bytes a message: fingerprint of its raw bytes, and its timestamp (ms since 1970)';
