-- Who cut the assistant short, when, and what it would have said.

create table interruptions (
    call_id text not null,
    message_id text not null,
    ordinal integer not null,
    interrupted_text text,
    interrupted_message_id text,
    interrupted_at timestamptz,
    kind text,
    played_ms double precision,
    audio_ms double precision,
    version bigint[] not null,
    fingerprint bigint not null,
    field_versions jsonb,
    primary key (call_id, message_id, ordinal)
);

comment on column interruptions.message_id is 'kind skipped: the user''s message that cut in; kind barge_in: the user''s message that was being answered';
comment on column interruptions.ordinal is 'from 0, the place in the message''s skippedAssistantMessages; from -1 down, the bot turn in the end-of-call report';
comment on column interruptions.kind is 'skipped: listed with the user''s message; barge_in: a bot turn that the report calls interrupted';
comment on column interruptions.played_ms is 'how much of the answer was heard, from the report';
comment on column interruptions.audio_ms is 'how long the answer would have been, from the report';

create index interruptions_by_time on interruptions (interrupted_at, call_id);
