-- What went wrong in a call, what its messages sound like, and what people were told.

create table incidents (
    incident_id text not null,
    call_id text not null,
    kind text not null,
    error_type text,
    code text,
    message text,
    provider text,
    retryable boolean,
    occurred_at timestamptz,
    details jsonb,
    primary key (call_id, incident_id)
);

comment on column incidents.incident_id is 'a digest of what was reported, so that a repeated delivery is one incident';
comment on column incidents.kind is 'hang or error';

create index incidents_by_time on incidents (occurred_at, call_id);

create table sentiments (
    call_id text not null,
    message_id text not null,
    label text not null,
    score double precision,
    confidence double precision,
    scorer text not null,
    primary key (call_id, message_id)
);

comment on column sentiments.label is 'positive, neutral, negative or unknown';

create table alerts (
    alert_id text not null,
    call_id text not null,
    message_id text not null default '',
    rule text not null,
    raised_at timestamptz not null,
    detail jsonb,
    primary key (call_id, alert_id),
    unique (call_id, message_id, rule)
);

comment on column alerts.message_id is 'empty where the alert is about the whole call';
