-- The calls of the plans, their statuses, and what went wrong in them.

with told as (
    select number, count(*) + count(reply_id) as messages, max(greatest(asked_at, replied_at)) as last_at
    from made_turns
    group by number
),
ended as (
    select
        made_calls.*,
        coalesce(1 + messages, 0) as messages,
        coalesce(last_at, began_at) as last_at,
        -- A few never tell that they ended.
        case
            when fate < 0.9997 and coalesce(last_at, began_at) + interval '15 seconds' < %(until)s
                then coalesce(last_at, began_at) + interval '5 seconds'
        end as ended_at
    from made_calls
    left join told using (number)
)
insert into calls (
    call_id, team_id, assistant_id, assistant_name, llm_provider, llm_model, call_type, direction, status,
    phone_call_status, end_trigger, user_number, started_at, ended_at, duration_ms, message_count, last_message_at,
    summary, success_evaluation, outcome, structured_data, total_cost, cost, metadata, version
)
select
    call_id,
    'team-' || assistant %% 5,
    'assistant-' || assistant,
    'Reception ' || assistant,
    (array['gemini', 'openai', 'anthropic'])[1 + assistant %% 3],
    (array['gemini-3-flash', 'gpt-5-mini', 'claude-haiku'])[1 + assistant %% 3],
    case when number %% 4 = 0 then 'web' else 'phone' end,
    case when number %% 3 = 0 then 'outbound' else 'inbound' end,
    case
        when ended_at is null then 'ongoing'
        when fate < 0.05 then 'failed'
        when fate between 0.05 and 0.051 then 'forwarded'
        else 'finished'
    end,
    case when ended_at is null then 'in-progress' when fate < 0.03 then 'no-answer' else 'completed' end,
    case when ended_at is not null then case when number %% 5 = 0 then 'assistant' else 'user' end end,
    '+1555' || lpad((number * 7919 %% 10000000)::text, 7, '0'),
    case when number %% 200 > 0 then began_at end,
    ended_at,
    extract(epoch from ended_at - began_at) * 1000,
    messages,
    last_at,
    case when ended_at is not null and fate > 0.05 then 'The caller asked for ' || (
        select text from generated_sentences where sentence = 1 + number %% %(sentences)s
    ) end,
    case when ended_at is not null and fate > 0.05 then (fate < 0.8)::text end,
    case
        when ended_at is not null then (array['booked', 'answered', 'transferred', 'voicemail'])[1 + number %% 7 %% 4]
    end,
    jsonb_build_object('day', 'Monday', 'number', number),
    extract(epoch from ended_at - began_at) / 60 * 0.08,
    jsonb_build_object('totalCost', extract(epoch from ended_at - began_at) / 60 * 0.08, 'llmVendorCost', 0.02),
    jsonb_build_object('customer', md5(number::text), 'campaign', number %% 40),
    array[case when ended_at is null then 3 else 5 end, (extract(epoch from last_at) * 1000)::bigint, 0, 0]
from ended;

insert into call_statuses (call_id, occurred_at, status, phone_call_status)
select call_id, occurred_at, told.status, phone_call_status
from made_calls
join calls using (call_id)
cross join lateral (
    values
        ('queued', made_calls.began_at),
        ('ongoing', made_calls.began_at + interval '1 second'),
        (calls.status, ended_at)
) as told (status, occurred_at)
where occurred_at is not null;

insert into incidents (
    incident_id, call_id, kind, error_type, code, message, provider, retryable, occurred_at
)
select
    md5(number || '-' || turn),
    call_id,
    case when is_error then 'error' else 'hang' end,
    case when is_error then 'llm_error' end,
    case when is_error then 'rate_limit_exceeded' end,
    case when is_error then 'Too many requests' end,
    case when is_error then 'gemini' end,
    case when is_error then true end,
    asked_at + interval '5 seconds'
from made_turns
cross join lateral (select (number + turn) %% 3 = 0 as is_error) as kinds
where (number * 31 + turn) %% 40 = 0;
