-- What lies beside the calls: receipts of the last day, deliveries in quarantine, replays; then fresh statistics.

insert into receipts (call_id, event_id, stage, event_type, received_at, stored_at, written)
select
    messages.call_id, md5(messages.call_id || message_id), stage, 'conversation-update', spoken_at,
    spoken_at + interval '30 milliseconds', 1
from messages
join calls using (call_id)
cross join unnest(array['transcripts', 'metrics', 'interruptions']) as stage
where calls.began_at > %(until)s::timestamptz - interval '1 day';

insert into quarantine (event_id, received_at, reason, body)
select
    md5('refused ' || number),
    %(until)s::timestamptz - number * make_interval(secs => 86400.0 * %(days)s / %(refused)s),
    (array['malformed_json', 'unknown_event', 'no_call_id'])[1 + number %% 3], convert_to(repeat('{', 200), 'utf8')
from generate_series(1, %(refused)s) as number;

insert into replays (started_at, finished_at, who, action, source, filter, matched, replayed, outcome)
select
    %(until)s::timestamptz - number * interval '1 hour', %(until)s::timestamptz - number * interval '59 minutes',
    'bench', 'replay', 'dead_letters', '{}', 10, 10, 'done'
from generate_series(1, 200) as number;

drop table generated_sentences;
