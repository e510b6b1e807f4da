-- Who has replayed or discarded what, and how it ended.

create table replays (
    replay_id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    who text not null,
    action text not null,
    source text not null,
    filter jsonb not null,
    matched integer not null,
    replayed integer not null default 0,
    skipped integer not null default 0,
    outcome text not null default 'running'
);

comment on column replays.finished_at is 'null while it runs, and for ever where it was killed';
comment on column replays.action is 'replay or discard';
comment on column replays.source is 'dead_letters or quarantine';
comment on column replays.replayed is 'or discarded';
comment on column replays.skipped is 'no longer there when their turn came, or still not to be routed';
comment on column replays.outcome is 'running, done, interrupted or failed';
