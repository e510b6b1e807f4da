-- name: count_stored
-- Count the events that each stage has stored in the last seconds.
select stage, count(*) as events
from receipts
where stored_at > now() - %(seconds)s * interval '1 second'
group by stage

-- name: list_assistants
-- Assistants that calls were held with, by id, behind a given place. The index is entered once for each of them, since
-- they are few and the calls are many.
with recursive assistants as (
    (
        select assistant_id, assistant_name, began_at, 1 as place
        from calls
        where assistant_id is not null
            and (%(after_assistant_id)s::text is null or assistant_id > %(after_assistant_id)s)
        order by assistant_id, began_at desc, call_id
        limit 1
    )
    union all
    select following.assistant_id, following.assistant_name, following.began_at, assistants.place + 1
    from assistants
    cross join lateral (
        select calls.assistant_id, calls.assistant_name, calls.began_at
        from calls
        where calls.assistant_id > assistants.assistant_id
        order by calls.assistant_id, calls.began_at desc, calls.call_id
        limit 1
    ) as following
    where assistants.place < %(limit)s
)

select assistants.assistant_id, assistants.assistant_name, assistants.began_at as latest_call_at, models.llm_models
from assistants
cross join lateral (
    select coalesce(array_agg(distinct latest.llm_model) filter (where latest.llm_model is not null), '{}') as llm_models
    from (
        select calls.llm_model
        from calls
        where calls.assistant_id = assistants.assistant_id
        order by calls.began_at desc, calls.call_id
        limit %(latest_calls)s
    ) as latest
) as models
order by assistants.assistant_id

-- name: list_replays
-- Who has replayed or discarded what, the newest first, behind a given place.
select replay_id, started_at, finished_at, who, action, source, filter, matched, replayed, skipped, outcome
from replays
where %(after_replay_id)s::bigint is null or replay_id < %(after_replay_id)s
order by replay_id desc
limit %(limit)s
