-- One row a call, and its history of statuses.

create table calls (
    call_id text primary key,
    team_id text,
    assistant_id text,
    assistant_name text,
    llm_provider text,
    llm_model text,
    call_type text,
    direction text,
    status text,
    phone_call_status text,
    phone_call_status_reason text,
    end_trigger text,
    user_number text,
    assistant_number text,
    started_at timestamptz,
    ended_at timestamptz,
    duration_ms double precision,
    message_count integer not null default 0,
    last_message_at timestamptz,
    summary text,
    success_evaluation text,
    outcome text,
    structured_data jsonb,
    analysis jsonb,
    total_cost double precision,
    cost jsonb,
    call_metrics jsonb,
    recording jsonb,
    overrides jsonb,
    metadata jsonb,
    version bigint[] not null default '{0,0,0,0}',
    field_versions jsonb
);

comment on column calls.status is 'only moves forward: initiated, queued < ongoing < forwarded < finished, failed';
comment on column calls.duration_ms is 'milliseconds, as the platform counts the assistant''s part';
comment on column calls.message_count is 'rows in messages';
comment on column calls.last_message_at is 'the newest spoken_at in messages';
comment on column calls.total_cost is 'in the platform''s currency';
comment on column calls.analysis is 'what the platform''s analysis holds beside summary, success_evaluation, outcome and structured_data';
comment on column calls.version is 'of the newest event: how far the call has come in it (1 to 5), its moment (ms since 1970), 0, tiebreak';
comment on column calls.field_versions is 'versions of the columns that an older event filled';

create index calls_by_start on calls (started_at desc, call_id);

create table call_statuses (
    call_id text not null,
    occurred_at timestamptz not null,
    status text not null,
    phone_call_status text,
    reason text,
    primary key (call_id, occurred_at, status)
);

comment on column call_statuses.occurred_at is 'the event''s timestamp; 1970 where it has none';
