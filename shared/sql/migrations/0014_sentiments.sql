-- By what a score is known again, and where in a conversation an incident stands.

alter table sentiments
    add column spoken_at timestamptz,
    add column text_digest text not null default '',
    add column version bigint[] not null default '{0,0,0,0}',
    add column fingerprint bigint not null default 0,
    add column field_versions jsonb;

alter table sentiments
    alter column version drop default,
    alter column fingerprint drop default;

comment on table sentiments is 'the mood of each user''s message, in its newest wording';
comment on column sentiments.score is '-1 (negative) to 1 (positive); null where the label is unknown';
comment on column sentiments.confidence is '0 to 1; null where the label is unknown';
comment on column sentiments.scorer is 'name and version of what scored it, with a slash between';
comment on column sentiments.text_digest is 'of the text that was scored: the same text is not scored again';

alter table incidents
    add column message_id text;

comment on column incidents.message_id is 'the newest message when it happened, where the event told the conversation';
