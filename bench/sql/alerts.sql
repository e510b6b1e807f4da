-- What alerts and moods many calls leave: a mood for each user's message, and some thousand alerts. Three in twenty calls
-- have any alert, some of them many; one alert in 500 is open, one in 100 not acknowledged; each tenth is of one rule.

insert into sentiments (call_id, message_id, label, score, confidence, scorer, spoken_at, version, fingerprint)
select
    call_id, message_id, (array['unknown', 'neutral', 'positive', 'negative'])[1 + abs(hashtext(message_id || call_id)) %% 4],
    0.5, 0.5, 'vader/1', spoken_at, '{0,0,0,0}', 0
from messages
where role = 'user';

insert into alerts (
    alert_id, call_id, rule, severity, began_at, raised_at, resolved_at, acknowledged_at, detail
)
select
    md5('alert ' || number), case when number %% 4 > 0 then asked.call_id else '' end, 'rule_' || number %% 10,
    case when number %% 4 = 0 then 'critical' else 'warning' end, raised_at, raised_at,
    case when number %% 500 <> 1 then raised_at end, case when number %% 100 > 0 then raised_at end, '{}'
from generate_series(1, %(alerts)s) as number
cross join lateral (
    select %(until)s::timestamptz - number * make_interval(secs => 86400.0 * %(days)s / %(alerts)s) as raised_at
) as told
join (select call_id, row_number() over (order by call_id) as place from calls) as asked
    on asked.place = number %% (%(calls)s / 5) * 5 + 1;

insert into silences (rule, starts_at, ends_at, who)
select
    'rule_1', %(until)s::timestamptz - number * interval '2 hours',
    %(until)s::timestamptz - (number - 3) * interval '1 hour', 'bench'
from generate_series(1, 2000) as number;

analyze sentiments, alerts, silences;
