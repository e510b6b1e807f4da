-- A page of calls at the same depth, found by counting the rows before it.
select
    call_id, team_id, assistant_id, assistant_name, llm_model, call_type, direction, status, phone_call_status,
    began_at, started_at, ended_at, duration_ms, message_count, last_message_at, total_cost, end_trigger, outcome
from calls
order by began_at desc, call_id
limit %(limit)s offset %(offset)s
