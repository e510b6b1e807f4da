-- What is worked out of a call now and then, so that lists and charts need not.

create table call_figures (
    call_id text primary key,
    hour timestamptz not null,
    assistant_id text not null,
    llm_model text not null,
    turns integer not null,
    turns_measured integer not null,
    slowest_turn_ms double precision,
    assistant_messages integer not null,
    interruptions integer not null,
    words tsvector not null,
    refreshed_at timestamptz not null
);
