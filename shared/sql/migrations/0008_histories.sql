-- By what a stage knows a call's history again when it has grown.

alter table fingerprints
    add column history_bytes integer not null default 0;

alter table fingerprints
    add column history_digest bytea not null default '';

comment on column fingerprints.history_bytes is 'size of that snapshot''s history, without its closing bracket';
comment on column fingerprints.history_digest is 'of those bytes; a history that begins with them is split from there on';
