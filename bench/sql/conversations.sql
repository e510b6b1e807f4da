-- Calls of the numbers from `first` to `last`, and their turns, as plans that the rows are then made of.

create temp table made_calls on commit drop as
with placed as (
    select
        number,
        %(days)s * number / %(calls)s::double precision as day,
        floor(12 * power(random(), 3))::integer as assistant,
        random() as fate,
        random() < 0.2 as is_cut,
        random() as length
    from generate_series(%(first)s::integer, %(last)s) as number
)
select
    number,
    'WC-' || md5('call ' || number)::uuid as call_id,
    -- Days have busy hours, with four times as many calls as on average; the last moment is in one.
    %(until)s::timestamptz + make_interval(secs => 86400 * (day - %(days)s - 0.12 * sin(2 * pi() * day))) as began_at,
    case when number %% 2000 = 7 then 12 else assistant end as assistant,
    fate,
    is_cut,
    case
        when number = %(long_call)s then %(long_turns)s
        when fate < 0.03 then 0
        else 1 + floor(-ln(1 - length) * %(mean_turns)s)::integer
    end as turns
from placed;

create temp table made_turns on commit drop as
with timed as (
    select
        number,
        call_id,
        began_at,
        is_cut and (turn = 1 or random() < 0.2) as is_cut,
        turn,
        random() < 0.12 as is_cached,
        random() < 0.97 as is_answered,
        random() < 0.97 as is_measured,
        random() < 0.03 as is_reworded,
        400 + floor(800 * random()) as eou_ms,
        floor(4 * random()) as eou_queue_ms,
        floor(6 * random()) as llm_queue_ms,
        floor(
            exp(random_normal(6.5 + 0.2 * (assistant %% 3), 0.45)) * case when random() < 0.01 then 5 else 1 end
        ) as llm_ms,
        floor(3 * random()) as tts_queue_ms,
        floor(exp(random_normal(5.7, 0.4))) as tts_ms,
        floor(12 * random()) - 4 as remainder_ms,
        800 + floor(-ln(1 - random()) * 2500) as asked_ms,
        600 + floor(-ln(1 - random()) * 4000) as audio_ms,
        1 + floor(%(sentences)s * random())::integer as asked,
        1 + floor(%(sentences)s * random())::integer as replied,
        case when random() < 0.02 then ' My reference is ' || floor(100000 * random()) || '.' else '' end as reference
    from made_calls
    cross join lateral generate_series(1, turns) as turn
),
summed as (
    select
        *,
        case when is_cached then 5 + tts_queue_ms else tts_ms end as voice_ms,
        sum(asked_ms + eou_ms + llm_ms + tts_ms + audio_ms) over (partition by number order by turn) as passed_ms
    from timed
),
heard as (
    select
        *,
        began_at + make_interval(secs => (2000 + passed_ms - eou_ms - llm_ms - tts_ms - audio_ms) / 1000) as heard_at,
        eou_ms + eou_queue_ms + llm_queue_ms + llm_ms + tts_queue_ms + voice_ms + remainder_ms as latency_ms
    from summed
),
spoken as (
    select
        *,
        'user-' || turn as message_id,
        date_trunc('milliseconds', heard_at + make_interval(secs => (eou_ms + eou_queue_ms) / 1000)) as asked_at,
        date_trunc('milliseconds', heard_at + make_interval(secs => latency_ms / 1000)) as replied_at
    from heard
    where heard_at + make_interval(secs => latency_ms / 1000) < %(until)s
)
select
    spoken.*,
    case when is_answered then
        message_id || '-' || left(md5(number || '-' || turn), 10) || '-' || floor(extract(epoch from replied_at) * 1000)
    end as reply_id,
    question.text || reference as asked_text,
    answer.text as reply_text
from spoken
join generated_sentences as question on question.sentence = asked
join generated_sentences as answer on answer.sentence = replied;

analyze made_calls;
analyze made_turns;
