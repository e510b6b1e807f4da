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
    field_versions jsonb,
    began_at timestamptz not null generated always as (
        coalesce(started_at, last_message_at, timestamptz '1970-01-01 00:00:00+00')
    ) stored
);

comment on column calls.status is 'only moves forward: initiated, queued < ongoing < forwarded < finished, failed';
comment on column calls.duration_ms is 'milliseconds, as the platform counts the assistant''s part';
comment on column calls.message_count is 'rows in messages';
comment on column calls.last_message_at is 'the newest spoken_at in messages';
comment on column calls.total_cost is 'in the platform''s currency';
comment on column calls.analysis is 'what the platform''s analysis holds beside summary, success_evaluation, outcome and structured_data';
comment on column calls.version is 'of the newest event: how far the call has come in it (1 to 5), its moment (ms since 1970), 0, tiebreak';
comment on column calls.field_versions is 'versions of the columns that an older event filled';
comment on column calls.began_at is 'started_at; where that was never told, the newest message''s time, and 1970 without any';

create index calls_by_time on calls (began_at desc, call_id);
create index calls_by_status on calls (status, began_at desc, call_id);
create index calls_by_assistant on calls (assistant_id, began_at desc, call_id);
create index calls_by_team on calls (team_id, began_at desc, call_id);
create index calls_in_progress on calls (began_at desc, call_id)
    where ended_at is null and (status is null or status not in ('finished', 'failed'));

create table call_statuses (
    call_id text not null,
    occurred_at timestamptz not null,
    status text not null,
    phone_call_status text,
    reason text,
    primary key (call_id, occurred_at, status)
);

comment on column call_statuses.occurred_at is 'the event''s timestamp; 1970 where it has none';

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

-- One row a message that came with metrics. A column is named by its group and leaf; the unit is in the name.

create table message_metrics (
    call_id text not null,
    message_id text not null,
    role text,
    reply_to text,
    spoken_at timestamptz,
    timeline_total_elapsed_time_ms double precision,
    timeline_offset_from_previous_turn_ms double precision,
    audio_total_received_ms double precision,
    audio_delay_per_turn_ms double precision,
    audio_delay_cumulative_ms double precision,
    audio_delayed_packets_per_turn_count bigint,
    audio_delayed_packets_cumulative_count bigint,
    audio_lost_packets_cumulative_count bigint,
    audio_offset_from_previous_turn_ms double precision,
    stt_timestamp_ms bigint,
    stt_start_offset_ms double precision,
    stt_end_offset_ms double precision,
    stt_duration_ms double precision,
    stt_vad_ms double precision,
    stt_relative_latency_ms double precision,
    stt_confidence double precision,
    llm_timestamp_ms bigint,
    llm_queue_latency_ms double precision,
    llm_response_latency_ms double precision,
    tts_audio_duration_ms double precision,
    tts_generation_time_ms double precision,
    tts_queue_latency_ms double precision,
    tts_is_cache_playing boolean,
    eou_turn_detection_time_ms double precision,
    eou_queue_latency_ms double precision,
    player_wait_time_ms double precision,
    extra jsonb,
    version bigint[] not null,
    fingerprint bigint not null,
    field_versions jsonb,
    primary key (call_id, message_id)
);

comment on column message_metrics.stt_timestamp_ms is 'when the transcription was complete, ms since 1970';
comment on column message_metrics.llm_timestamp_ms is 'when the answer was complete, ms since 1970';
comment on column message_metrics.stt_confidence is '0 to 1';
comment on column message_metrics.extra is 'every group and leaf that has no column, and every value that is not of its column''s type';

create index message_metrics_by_reply on message_metrics (call_id, reply_to) where reply_to is not null;

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
    message_id text,
    primary key (call_id, incident_id)
);

comment on column incidents.incident_id is 'a digest of what was reported, so that a repeated delivery is one incident';
comment on column incidents.kind is 'hang or error';
comment on column incidents.message_id is 'the newest message when it happened, where the event told the conversation';

create index incidents_by_time on incidents (occurred_at, call_id);

create table sentiments (
    call_id text not null,
    message_id text not null,
    label text not null,
    score double precision,
    confidence double precision,
    scorer text not null,
    spoken_at timestamptz,
    text_digest text not null default '',
    version bigint[] not null,
    fingerprint bigint not null,
    field_versions jsonb,
    primary key (call_id, message_id)
);

comment on table sentiments is 'the mood of each user''s message, in its newest wording';
comment on column sentiments.label is 'positive, neutral, negative or unknown';
comment on column sentiments.score is '-1 (negative) to 1 (positive); null where the label is unknown';
comment on column sentiments.confidence is '0 to 1; null where the label is unknown';
comment on column sentiments.scorer is 'name and version of what scored it, with a slash between';
comment on column sentiments.text_digest is 'of the text that was scored: the same text is not scored again';

create table alerts (
    alert_id text not null,
    call_id text not null,
    message_id text not null default '',
    rule text not null,
    raised_at timestamptz not null,
    detail jsonb,
    subject text not null default '',
    severity text not null,
    began_at timestamptz not null,
    clear_since timestamptz,
    resolved_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    is_silenced boolean not null default false,
    primary key (call_id, alert_id)
);

comment on column alerts.message_id is 'empty where the alert is about the whole call';
comment on table alerts is 'each is raised once about one thing; a rule and what it is about have at most one that is open';
comment on column alerts.alert_id is 'a digest of the rule and the thing, and of when it began where it can begin anew';
comment on column alerts.call_id is 'empty where the alert is about no call';
comment on column alerts.subject is 'what it is about beside the call: a provider, or an assistant';
comment on column alerts.severity is 'info, warning or critical';
comment on column alerts.began_at is 'since when the condition holds';
comment on column alerts.clear_since is 'since when the condition of an open alert holds no more; it is resolved when that lasts';
comment on column alerts.is_silenced is 'whether a silence kept it from being sent';
comment on column alerts.detail is 'the figures behind it; nothing personal';

create unique index alerts_open_of_no_call on alerts (rule, subject) where call_id = '' and resolved_at is null;
create index alerts_open on alerts (call_id, alert_id) where resolved_at is null;
create index alerts_silenced on alerts (raised_at, alert_id) where is_silenced and resolved_at is null;
create index alerts_by_id on alerts (alert_id);
create index alerts_by_time on alerts (raised_at desc, alert_id);
create index alerts_by_rule on alerts (rule, raised_at desc, alert_id);
create index alerts_unacknowledged on alerts (raised_at desc, alert_id) where acknowledged_at is null;

create table notices (
    notice_id bigint generated always as identity primary key,
    call_id text not null,
    alert_id text not null,
    channel text not null,
    what text not null,
    made_at timestamptz not null default now(),
    published_at timestamptz,
    delivered_at timestamptz,
    passed_over_at timestamptz,
    given_up_at timestamptz,
    unique (call_id, alert_id, channel, what)
);

comment on table notices is 'what is to be sent about alerts: made with the alert, then put into the queue of its channel';
comment on column notices.notice_id is 'the order in which the notices of a channel are delivered';
comment on column notices.channel is 'webhook, slack or email: the queue';
comment on column notices.what is 'raised or resolved';
comment on column notices.passed_over_at is 'since when others do not wait for it: it was refused while one behind it was taken';
comment on column notices.given_up_at is 'when its job became a dead letter; others no longer wait for it';

create index notices_to_publish on notices (notice_id) where published_at is null;
create index notices_to_deliver on notices (channel, notice_id)
where delivered_at is null and given_up_at is null and passed_over_at is null;

create table silences (
    silence_id bigint generated always as identity primary key,
    rule text not null,
    call_id text not null default '',
    starts_at timestamptz not null default now(),
    ends_at timestamptz not null,
    who text not null,
    reason text not null default ''
);

comment on table silences is 'until when alerts of a rule are raised and sent to nobody';
comment on column silences.rule is 'empty for all rules';
comment on column silences.call_id is 'empty for all calls';
comment on column silences.ends_at is 'brought forward when the silence is ended early';

create index silences_by_end on silences (ends_at);

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
create index quarantine_by_reason on quarantine (reason, received_at, event_id);

create table fingerprints (
    call_id text not null,
    stage text not null,
    version bigint[] not null,
    messages bytea not null,
    history_bytes integer not null default 0,
    history_digest bytea not null default '',
    primary key (call_id, stage)
);

comment on table fingerprints is 'the newest snapshot that each stage has taken in of each call';
comment on column fingerprints.messages is '16 bytes a message: fingerprint of its raw bytes, and its timestamp (ms since 1970)';
comment on column fingerprints.history_bytes is 'size of that snapshot''s history, without its closing bracket';
comment on column fingerprints.history_digest is 'of those bytes; a history that begins with them is split from there on';

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

-- A user's turn and the first reply to it. They are paired by id: the reply's begins with that of the user's message.

create view turns as
select
    said.call_id,
    said.message_id as turn_id,
    said.spoken_at,
    reply.message_id as reply_message_id,
    reply.spoken_at as replied_at,
    latency.turn_latency_ms,
    heard.eou_turn_detection_time_ms as eou_ms,
    heard.eou_queue_latency_ms as eou_queue_ms,
    answered.llm_queue_latency_ms as llm_queue_ms,
    answered.llm_response_latency_ms as llm_ms,
    answered.tts_queue_latency_ms as tts_queue_ms,
    answered.tts_generation_time_ms as tts_ms,
    latency.turn_latency_ms - (
        coalesce(heard.eou_turn_detection_time_ms, 0) + coalesce(heard.eou_queue_latency_ms, 0)
        + coalesce(answered.llm_queue_latency_ms, 0) + coalesce(answered.llm_response_latency_ms, 0)
        + coalesce(answered.tts_queue_latency_ms, 0) + coalesce(answered.tts_generation_time_ms, 0)
    ) as remainder_ms,
    answered.tts_is_cache_playing
from messages as said
left join message_metrics as heard
    on heard.call_id = said.call_id and heard.message_id = said.message_id
left join lateral (
    select candidate.message_id, candidate.spoken_at
    from messages as candidate
    where candidate.call_id = said.call_id and candidate.reply_to = said.message_id
    order by candidate.spoken_at, candidate.message_id
    limit 1
) as reply on true
left join message_metrics as answered
    on answered.call_id = said.call_id and answered.message_id = reply.message_id
cross join lateral (
    select (extract(epoch from reply.spoken_at) * 1000 - heard.stt_timestamp_ms)::double precision as turn_latency_ms
) as latency
where said.role = 'user';

comment on view turns is 'turn_latency_ms, from the end of the transcription to audio ready, is the sum of its parts and the remainder';

-- How a reader asks what has changed since it last looked: rows written by transactions that had not ended then.

create function transaction_number(latest bigint, short xid) returns bigint
    language sql immutable parallel safe
    return latest - ((latest - short::text::bigint) & 4294967295);

comment on function transaction_number is 'the whole number of a transaction, from a row''s xmin, its lower half, and the latest whole number there is';

-- What is worked out of calls now and then, so that lists and charts need not.

create table call_figures (
    call_id text primary key,
    hour timestamptz not null,
    assistant_id text collate "C" not null,
    llm_model text collate "C" not null,
    turns integer not null,
    turns_measured integer not null,
    slowest_turn_ms double precision,
    assistant_messages integer not null,
    interruptions integer not null,
    words tsvector not null,
    refreshed_at timestamptz not null
);

comment on table call_figures is 'of each call, some seconds after it changed';
comment on column call_figures.hour is 'the hour (UTC) in which the call began';
comment on column call_figures.assistant_id is 'empty where it was not told; no more than 256 characters of it';
comment on column call_figures.llm_model is 'empty where it was not told; no more than 256 characters of it';
comment on column call_figures.turns_measured is 'turns of which the latency is known';
comment on column call_figures.interruptions is 'rows of interruptions of the kind that has more: both kinds may tell of the same';
comment on column call_figures.words is 'of the summary and the messages, as far as they fit';
comment on column call_figures.refreshed_at is 'when this row last changed';

create index call_figures_by_hour on call_figures (hour, call_id) include (assistant_id, llm_model);
create index call_figures_by_slowest on call_figures (slowest_turn_ms);
create index call_figures_interrupted on call_figures (hour, call_id) include (assistant_id, llm_model)
    where interruptions > 0;
-- What has not been sorted in yet is searched from end to end, so it must stay small (kilobytes).
create index call_figures_by_words on call_figures using gin (words) with (gin_pending_list_limit = 512);

create table followers (
    follower text primary key,
    horizon bigint not null,
    seen_at timestamptz not null,
    open_since timestamptz not null,
    next_number bigint not null,
    next_at timestamptz not null
);

comment on table followers is 'how far each follower has looked through the receipts; without its row it begins anew';
comment on column followers.follower is 'figures or alerts';
comment on column followers.horizon is 'the oldest transaction that had not ended at the last look';
comment on column followers.seen_at is 'when that look was';
comment on column followers.open_since is 'no transaction that had not ended then had written anything before';
comment on column followers.next_number is 'the first transaction that had not begun to write at next_at';
comment on column followers.next_at is 'what open_since becomes once all before next_number have ended';

create table stale_calls (
    call_id text not null,
    marked_at timestamptz not null default now(),
    is_urgent boolean not null default true,
    follower text not null default 'figures',
    primary key (call_id, follower)
);

create index stale_calls_by_age on stale_calls (follower, marked_at, call_id);
create index stale_calls_urgent on stale_calls (follower, marked_at, call_id) where is_urgent;

comment on table stale_calls is 'calls that changed, for who follows changes to look at; anybody may add to it';
comment on column stale_calls.is_urgent is 'false where many were marked at once: half of each piece of work is for others';
comment on column stale_calls.follower is 'figures (to be worked out again) or alerts (to be looked at)';

create table stale_hours (
    hour timestamptz primary key,
    marked_at timestamptz not null default now()
);

comment on table stale_hours is 'hours whose sums are to be made again; anybody may add to it';

create table hourly_calls (
    hour timestamptz not null,
    assistant_id text collate "C" not null,
    llm_model text collate "C" not null,
    calls integer not null,
    ended integer not null,
    failed integer not null,
    interrupted_calls integer not null,
    interruptions bigint not null,
    assistant_messages bigint not null,
    turns bigint not null,
    turns_measured bigint not null,
    duration_ms double precision not null,
    total_cost double precision not null,
    primary key (hour, assistant_id, llm_model)
);

comment on table hourly_calls is 'sums over the calls that began in an hour (UTC)';

create table hourly_outcomes (
    hour timestamptz not null,
    assistant_id text collate "C" not null,
    llm_model text collate "C" not null,
    kind text collate "C" not null,
    value text collate "C" not null,
    calls integer not null,
    primary key (hour, assistant_id, llm_model, kind, value)
);

comment on column hourly_outcomes.kind is 'the column of calls that the value stands in';
comment on column hourly_outcomes.value is 'empty where it was not told; no more than 80 characters of it';

create table histograms (
    grain text collate "C" not null,
    breakdown text collate "C" not null,
    starts_at timestamptz not null,
    assistant_id text collate "C" not null,
    llm_model text collate "C" not null,
    measure text collate "C" not null,
    buckets smallint[] not null,
    counts integer[] not null,
    primary key (grain, breakdown, starts_at, assistant_id, llm_model, measure)
);

comment on table histograms is 'how often each measure came out how large, over the calls that began in an hour or day (UTC)';
comment on column histograms.grain is 'hour or day; a day is the sum of its hours';
comment on column histograms.breakdown is 'by what the calls are told apart: both, assistant, model or none; the other ids are empty';
comment on column histograms.measure is 'a column of the view turns, tts_cached_ms, or duration_ms of the calls';
comment on column histograms.buckets is 'in no order; each is 5 % wider than the one before, shared/histograms.py has their bounds';
