-- What people are told of: alerts with a beginning and an end, whom they were sent to, and when nobody wants to hear.

alter table alerts
    drop constraint alerts_call_id_message_id_rule_key,
    add column subject text not null default '',
    add column severity text not null default 'warning',
    add column began_at timestamptz not null default now(),
    add column clear_since timestamptz,
    add column resolved_at timestamptz,
    add column acknowledged_at timestamptz,
    add column acknowledged_by text,
    add column is_silenced boolean not null default false;

alter table alerts
    alter column severity drop default,
    alter column began_at drop default;

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

-- Figures and alerts follow the receipts each by itself.

alter table stale_calls add column follower text not null default 'figures';
alter table stale_calls drop constraint stale_calls_pkey;
alter table stale_calls add primary key (call_id, follower);
drop index stale_calls_by_age;
drop index stale_calls_urgent;
create index stale_calls_by_age on stale_calls (follower, marked_at, call_id);
create index stale_calls_urgent on stale_calls (follower, marked_at, call_id) where is_urgent;

comment on table stale_calls is 'calls that changed, for who follows changes to look at; anybody may add to it';
comment on column stale_calls.follower is 'figures (to be worked out again) or alerts (to be looked at)';

create table followers (
    follower text primary key,
    horizon bigint not null,
    seen_at timestamptz not null,
    open_since timestamptz not null,
    next_number bigint not null,
    next_at timestamptz not null
);

insert into followers (follower, horizon, seen_at, open_since, next_number, next_at)
select 'figures', horizon, seen_at, open_since, next_number, next_at
from figures_progress;

drop table figures_progress;

-- Alerts are about what is stored from here on, also before a janitor looks for the first time.
insert into followers (follower, horizon, seen_at, open_since, next_number, next_at)
select
    'alerts', pg_snapshot_xmin(present)::text::bigint, now(), now() - interval '1 hour',
    pg_snapshot_xmax(present)::text::bigint, now()
from pg_current_snapshot() as present;

comment on table followers is 'how far each follower has looked through the receipts; without its row it begins anew';
comment on column followers.follower is 'figures or alerts';
comment on column followers.horizon is 'the oldest transaction that had not ended at the last look';
comment on column followers.seen_at is 'when that look was';
comment on column followers.open_since is 'no transaction that had not ended then had written anything before';
comment on column followers.next_number is 'the first transaction that had not begun to write at next_at';
comment on column followers.next_at is 'what open_since becomes once all before next_number have ended';
