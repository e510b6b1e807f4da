"""Stage sentiment: one mood a user's message, in its newest wording, and no text is scored more often than needed."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.event_records import StoredEvent
from tests.calls import (
    Json,
    assistant,
    conversation_update,
    end_of_call_report,
    having,
    sent_at,
    user,
    welcome,
)
from tests.scorers import CountingScorer, counting_scorer
from tests.stage_runs import Stages
from tests.strategies import deliveries, examples, hostile_calls, realistic_calls
from workers import scoring

ANGRY = ["This is ridiculous!", "I have told you three times!", "You are useless!"]
MOODS = "select message_id, label, score, confidence, scorer from sentiments order by message_id"


@pytest.fixture
def scorer() -> Iterator[CountingScorer]:
    """A scorer that counts, in use while the test lasts."""
    with counting_scorer() as counting:
        yield counting


@pytest.fixture
def stages(database_url: str, scorer: CountingScorer) -> Iterator[Stages]:
    """All stages, on this test's database."""
    with Stages(database_url) as running:
        yield running


def _angry_call() -> list[StoredEvent]:
    """Make the ten events of an angry call: its snapshots grow, and the report repeats the last without metrics."""
    history: list[Json] = [welcome()]
    events = [conversation_update(history)]
    for number, text in enumerate(ANGRY, start=1):
        for message in (user(number, text=text), assistant(number)):
            history = [*history, message]
            events.append(conversation_update(history))
    remeasured = [*history[:-2], having(history[-2], "metrics", "stt", "vadMs", value=7), history[-1]]
    return [
        *events,
        conversation_update(remeasured, timestamp=sent_at(history) + 1),
        conversation_update(history, timestamp=sent_at(history) + 2),
        end_of_call_report(history, timestamp=sent_at(history) + 60_000),
    ]


def _use(scorer: Any) -> None:
    scoring._in_use[:] = [scorer]


def _asked(scorer: CountingScorer) -> dict[str, int]:
    return dict(scorer.asked)


class TestOnce:
    """Each text is scored once."""

    @pytest.mark.parametrize("seed", range(10))
    def test_ten_snapshots_of_an_angry_call(self, stages: Stages, scorer: CountingScorer, seed: int):
        """Ten snapshots in any order, each twice, leave one row a user's message, and each text was scored once."""
        events = _angry_call()
        assert len(events) == 10
        shuffled = [*events, *events]
        random.Random(seed).shuffle(shuffled)
        for one in shuffled:
            stages.run("sentiment", one)
        assert stages.select(MOODS) == [(f"user-{n}", "negative", -0.9, 0.9, "counting/1") for n in (1, 2, 3)]
        assert _asked(scorer) == dict.fromkeys(ANGRY, 1)

    def test_all_in_one_batch(self, stages: Stages, scorer: CountingScorer):
        """Several snapshots in one batch score each text once as well."""
        stages.run("sentiment", *_angry_call())
        assert _asked(scorer) == dict.fromkeys(ANGRY, 1)

    def test_same_words_in_a_batch(self, stages: Stages, scorer: CountingScorer):
        """A text that many callers say is scored once a batch; the next batch remembers nothing of it."""
        calls = [conversation_update([user(1, text="Yes.")], call_id=f"call-{number}") for number in range(20)]
        stages.run("sentiment", *calls[:19])
        assert _asked(scorer) == {"Yes.": 1}
        stages.run("sentiment", calls[19])
        assert _asked(scorer) == {"Yes.": 2}
        assert stages.select("select count(*) from sentiments") == [(20,)]

    def test_metrics_alone_change(self, stages: Stages, scorer: CountingScorer):
        """A message of which only a figure changes is not scored again."""
        for confidence in (0.1, 0.2, 0.3):
            stages.run("sentiment", conversation_update([user(1, confidence=confidence)]))
        assert _asked(scorer) == {"Hello.": 1}

    def test_other_words(self, stages: Stages, scorer: CountingScorer):
        """A text that changes is scored again, and again when the newest snapshot has the old wording back."""
        for place, text in enumerate(["No.", "No!", "No."]):
            stages.run("sentiment", conversation_update([user(1, text=text)], timestamp=1_772_702_500_000 + place))
            assert stages.select("select label from sentiments") == [("negative" if "!" in text else "neutral",)]
        assert _asked(scorer) == {"No.": 2, "No!": 1}

    def test_wordings_in_any_order(self, stages: Stages):
        """Whatever order the wordings come in, the mood is that of the newest."""
        told = [
            conversation_update([user(1, text=text)], timestamp=1_772_702_500_000 + place)
            for place, text in enumerate(["No.", "No!", "Well.", "Stop!"])
        ]
        for order in permutations(told):
            stages.clear()
            for one in order:
                stages.run("sentiment", one)
            assert stages.select("select label, score from sentiments") == [("negative", -0.9)]

    def test_older_wording_that_comes_late(self, stages: Stages, scorer: CountingScorer):
        """An earlier wording that arrives later is not scored at all."""
        stages.run("sentiment", conversation_update([user(1, text="No!")], timestamp=1_772_702_500_001))
        stages.run("sentiment", conversation_update([user(1, text="No.")], timestamp=1_772_702_500_000))
        assert _asked(scorer) == {"No!": 1}


class TestRows:
    """Which messages have a row, and which rows stay."""

    def test_only_users(self, stages: Stages):
        """The assistant's messages have no mood, nor have those of any other role, of none, or without text."""
        others = [{**user(2), "role": role} for role in ("system", "tool", None, 7)]
        named = [{**one, "messageId": f"other-{place}"} for place, one in enumerate(others)]
        stages.run("sentiment", conversation_update([welcome(), user(1), assistant(1), *named, user(3, text="")]))
        assert stages.select("select message_id from sentiments") == [("user-1",)]

    def test_moment(self, stages: Stages):
        """A row tells when it was said."""
        stages.run("sentiment", conversation_update([user(1)]))
        assert stages.select("select spoken_at from sentiments") == [(datetime(2026, 3, 5, 9, 21, 31, 278_000, UTC),)]

    def test_poorer_copies(self, stages: Stages):
        """A later copy without a text or a role, or a history without the message, takes no mood away."""
        stages.run("sentiment", conversation_update([user(1, text="No!"), user(2)]))
        expected = stages.select(MOODS)
        for place, poorer in enumerate([[user(1, text=""), user(2)], [user(1, role=None), user(2)], [user(2)], []]):
            stages.run("sentiment", conversation_update(poorer, timestamp=1_772_702_600_000 + place))
            assert stages.select(MOODS) == expected

    @pytest.mark.parametrize(
        "text",
        ["x" * 10_000, "terrible " * 110_000, "😡" * 100, "\u202eهذا سيء", "a\0b", "\ud800 bad \udfff", " ", 7, True],
        ids=["10 kB", "1 MB", "emoji", "right-to-left", "NUL", "lone surrogates", "blank", "number", "boolean"],
    )
    def test_hostile_texts(self, stages: Stages, text: Any):
        """A text of any kind has a row, by the scorer that is used by default."""
        _use(scoring.import_scorer("workers.vader:scorer"))
        for _ in range(2):
            stages.run("sentiment", conversation_update([user(1, text=text), user(2)]))
        assert stages.select("select message_id from sentiments order by 1") == [("user-1",), ("user-2",)]

    @given(data=st.data())
    @examples(60)
    def test_any_delivery_of_hostile_events(self, stages: Stages, data: st.DataObject):
        """Any order, repetition and splitting of the events of two calls leaves the moods of the serial run."""
        events = data.draw(hostile_calls(calls=2))
        _check_delivery(stages, events, data)

    @given(data=st.data())
    @examples(6)
    def test_any_delivery_of_a_realistic_call(self, stages: Stages, data: st.DataObject):
        """The same for a whole call, with corrections and poorer copies."""
        events = data.draw(realistic_calls(20, 40))
        _check_delivery(stages, events, data)

    def test_message_that_the_newest_snapshot_lacks(self, stages: Stages):
        """What the newest snapshot with a message says stands, though newer ones lack it and an older comes late."""
        first, late, last_with = ([user(1, text=text)] for text in ("A!", "B.", "A!"))
        told = [(1, first), (3, [*last_with, user(2)]), (4, [user(2), user(3)]), (2, late)]
        for place, history in told:
            stages.run("sentiment", conversation_update(history, timestamp=place))
        assert stages.select("select label from sentiments where message_id = 'user-1'") == [("negative",)]

    def test_loss_of_all_but_the_richest(self, stages: Stages):
        """The last snapshot alone leaves the rows of all."""
        events = _angry_call()[:-2]
        for one in events:
            stages.run("sentiment", one)
        expected = stages.rows(["sentiments"])
        stages.clear()
        stages.run("sentiment", events[-1])
        assert _moods(stages) == [(f"user-{n}", "negative", -0.9) for n in (1, 2, 3)]
        assert len(expected["sentiments"]) == 3


def _check_delivery(stages: Stages, events: list[StoredEvent], data: st.DataObject) -> None:
    stages.clear()
    stages.send(*events)
    expected = stages.rows(["sentiments"])
    jobs = data.draw(deliveries(events))
    stages.clear()
    stages.run_jobs([job for job in jobs if job[0] == "sentiment"], workers=2)
    assert expected == stages.rows(["sentiments"])


def _moods(stages: Stages) -> list[tuple[Any, ...]]:
    return stages.select("select message_id, label, score from sentiments order by message_id")
