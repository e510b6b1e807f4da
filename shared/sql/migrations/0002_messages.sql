-- One row a message, as it was last worded, and its earlier wordings.

create table messages (
    call_id text not null,
    message_id text not null,
    role text,
    text text,
    spoken_at timestamptz,
    confidence double precision,
    revision integer not null default 1,
    reply_to text,
    version bigint[] not null,
    fingerprint bigint not null,
    field_versions jsonb,
    primary key (call_id, message_id)
);

comment on column messages.confidence is 'of the transcription, 0 to 1';
comment on column messages.revision is 'number of the present wording; the earlier ones are in message_revisions';
comment on column messages.reply_to is 'of an assistant''s message: the message_id of the user''s that it answers, from its own id';
comment on column messages.version is 'of the newest snapshot that changed the row';
comment on column messages.fingerprint is 'of the raw bytes of the message in that snapshot';
comment on column messages.field_versions is 'versions of the columns that an older snapshot filled';

create index messages_by_time on messages (call_id, spoken_at);
create index messages_by_reply on messages (call_id, reply_to) where reply_to is not null;

create table message_revisions (
    call_id text not null,
    message_id text not null,
    revision integer not null,
    text text not null,
    replaced_at timestamptz,
    version bigint[] not null,
    primary key (call_id, message_id, revision)
);

comment on column message_revisions.replaced_at is 'when the newest event that still had this wording was sent';
comment on column message_revisions.version is 'of the newest snapshot that had this wording';
