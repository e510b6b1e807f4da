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

create table figures_progress (
    is_only_row boolean primary key default true check (is_only_row),
    horizon bigint not null,
    seen_at timestamptz not null,
    open_since timestamptz not null,
    next_number bigint not null,
    next_at timestamptz not null
);

comment on table figures_progress is 'how far receipts have been looked through; without its row all calls are';
comment on column figures_progress.horizon is 'the oldest transaction that had not ended at the last look';
comment on column figures_progress.seen_at is 'when that look was';
comment on column figures_progress.open_since is 'no transaction that had not ended then had written anything before';
comment on column figures_progress.next_number is 'the first transaction that had not begun to write at next_at';
comment on column figures_progress.next_at is 'what open_since becomes once all before next_number have ended';

create table stale_calls (
    call_id text primary key,
    marked_at timestamptz not null default now(),
    is_urgent boolean not null default true
);

create index stale_calls_by_age on stale_calls (marked_at, call_id);
create index stale_calls_urgent on stale_calls (marked_at, call_id) where is_urgent;

comment on table stale_calls is 'calls whose figures are to be worked out again; anybody may add to it';
comment on column stale_calls.is_urgent is 'false where many were marked at once: half of each piece of work is for others';

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
