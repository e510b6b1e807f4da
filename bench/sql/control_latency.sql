-- The percentiles of the turns of some days by assistant, straight from the turns.
select
    calls.assistant_id,
    count(*) as turns,
    percentile_cont(array[0.5, 0.9, 0.95, 0.99]) within group (order by turn_latency_ms) as turn_latency_ms,
    percentile_cont(array[0.5, 0.9, 0.95, 0.99]) within group (order by eou_ms) as eou_ms,
    percentile_cont(array[0.5, 0.9, 0.95, 0.99]) within group (order by llm_ms) as llm_ms,
    percentile_cont(array[0.5, 0.9, 0.95, 0.99]) within group (order by tts_ms) as tts_ms
from calls
join turns on turns.call_id = calls.call_id
where calls.began_at >= %(since)s and calls.began_at < %(until)s
group by calls.assistant_id
