"""Live streams on real servers: what workers write is told, in the words of the listings."""

from console.streams import streams as streams_module
from shared.announcements import announce
from tests.calls import assistant, conversation_update, end_of_call_report, error, having, status_update, user, welcome
from tests.programs import wait_for
from tests.raised_alerts import NEGATIVE, raise_alert, resolve
from tests.streaming import CALL, HISTORY, OTHER, follow, reading, running


def test_a_hint_brings_every_kind_of_change(only_hints, streams, write):
    """Messages, turns, statuses, interruptions, incidents, moods and the call are told, as listings show them."""
    with follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        skipped = user(2, skipped=[{"messageId": "welcome-1", "text": "I was saying"}])
        write(
            conversation_update([welcome(), user(1), assistant(1), skipped], call_id=CALL),
            status_update("finished", call_id=CALL),
            error(call_id=CALL),
            end_of_call_report(call_id=CALL),
        )
        kinds = {"message", "turn", "status", "interruption", "incident", "sentiment", "call"}
        wait_for(lambda: kinds <= {event.name for event in reader.events})
        wait_for(lambda: any(row["turn_latency_ms"] for row in reader.rows("turn")))
        assert reader.rows("message")[0]["text"] == "Hello."
        assert reader.rows("status")[0]["status"] == "finished"
        assert reader.rows("interruption")[0]["interrupted_text"] == "I was saying"
        assert reader.rows("incident")[0]["code"] == "rate_limit_exceeded"
        assert reader.rows("sentiment")[0]["message_id"] == "user-1"
        wait_for(lambda: reader.rows("call")[-1]["status"] == "finished")
        assert not {"user_number", "metadata", "structured_data"} & set(reader.rows("call")[-1])


def test_a_changed_message_is_told_again_and_the_others_are_not(only_hints, streams, write):
    """One message is worded anew: it comes with its new wording, alone."""
    write(conversation_update(HISTORY, call_id=CALL))
    with follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        reworded = [*HISTORY[:3], having(HISTORY[3], "text", value="Bye.")]
        write(conversation_update(reworded, call_id=CALL, timestamp=2_000_000_000_000))
        wait_for(lambda: reader.rows("message"))
        assert [(row["text"], row["revision"]) for row in reader.rows("message")] == [("Bye.", 2)]


def test_an_alert_is_told_when_it_is_raised_and_when_it_changes(only_hints, streams, redis, database):
    """As the listing shows it, to who follows its call; what is about no call is told to nobody."""
    with follow(streams, CALL) as reader, follow(streams, OTHER) as another:
        wait_for(lambda: reader.last_id and another.last_id)
        raise_alert(database, "a", call_id=CALL, message_id="user-1")
        raise_alert(database, "b")
        announce(redis, [CALL, OTHER])
        wait_for(lambda: reader.rows("alert"))
        resolve(database, "a")
        announce(redis, [CALL, OTHER])
        wait_for(lambda: len(reader.rows("alert")) == 2)
        raised, resolved = reader.rows("alert")
        assert (raised["alert_id"], raised["resolved_at"], raised["detail"]) == ("a", None, NEGATIVE)
        assert resolved == {**raised, "resolved_at": resolved["resolved_at"]}
        assert resolved["resolved_at"]
        assert another.rows("alert") == []


def test_a_stream_hears_of_its_own_call_alone(only_hints, streams, write):
    """Two calls change; each stream tells of one."""
    with follow(streams, CALL) as one, follow(streams, OTHER) as another:
        wait_for(lambda: one.last_id and another.last_id)
        write(conversation_update(HISTORY, call_id=OTHER), conversation_update(HISTORY, call_id=CALL))
        wait_for(lambda: len(one.message_ids()) == len(another.message_ids()) == 3)
        assert {event.row["call_id"] for event in one.events} == {CALL}
        assert {event.row["call_id"] for event in another.events} == {OTHER}


def test_calls_that_appear_and_end_are_told_to_who_follows_all(only_hints, streams, write):
    """A new call comes as one row, and again when it is over."""
    with reading(streams.follow_calls(None)) as reader:
        wait_for(lambda: reader.last_id)
        write(status_update("ongoing", call_id="WC-new"))
        wait_for(lambda: [row["status"] for row in reader.rows("call")] == ["ongoing"])
        write(status_update("finished", call_id="WC-new", sent_at=2_000_000_000_000))
        wait_for(lambda: reader.rows("call")[-1]["status"] == "finished")
        assert {row["call_id"] for row in reader.rows("call")} == {"WC-new"}


def test_a_quiet_stream_shows_that_it_lives(streams):
    """Comments come while nothing happens."""
    with follow(streams) as reader:
        wait_for(lambda: reader.signs_of_life > 2)
        assert reader.events == []


def test_a_lost_hint_only_delays(monkeypatch, servers, redis, database_url, write):
    """Nobody announces what was written: it is found by looking."""
    monkeypatch.setattr(streams_module, "LOOK_SECONDS", 0.1)
    write(conversation_update([welcome()], call_id=CALL))
    with running(servers.redis_url, database_url) as streams, follow(streams) as reader:
        wait_for(lambda: reader.last_id)
        write(conversation_update(HISTORY, call_id=CALL), is_announced=False)
        wait_for(lambda: len(reader.message_ids()) == 3)


def test_a_row_that_cannot_be_shown_ends_the_streams_of_its_call_alone(only_hints, streams, redis, database):
    """The other call is told of as before."""
    with follow(streams, CALL) as spoilt, follow(streams, OTHER) as sound:
        wait_for(lambda: spoilt.last_id and sound.last_id)
        database.execute("update messages set spoken_at = 'infinity' where call_id = %s", (CALL,))
        database.execute("update messages set text = 'new' where call_id = %s", (OTHER,))
        announce(redis, [CALL, OTHER])
        wait_for(lambda: spoilt.is_over and sound.rows("message"))
