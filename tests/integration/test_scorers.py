"""Scorers at work: one after another, one that comes to grief, and one that is none."""

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from earshot.cli import main
from tests.calls import conversation_update, user
from tests.integration.test_worker import is_dead, work_off
from tests.scorers import BadScorer, CountingScorer, counting_scorer
from tests.stage_runs import Stages, rebuild
from workers import scoring
from workers.scoring import BadMood

TEXTS = ("This is ridiculous!", "I have told you three times!", "You are useless!")
CALL = conversation_update([user(number, text=text) for number, text in enumerate(TEXTS, start=1)])
SCORERS = "select scorer from sentiments"


@pytest.fixture
def scorer() -> Iterator[CountingScorer]:
    """The first scorer of a test; whichever is in use afterwards is put away."""
    with counting_scorer() as counting:
        yield counting


@pytest.fixture
def stages(database_url: str, scorer: CountingScorer) -> Iterator[Stages]:
    """All stages, on this test's database."""
    with Stages(database_url) as running:
        yield running


def _use(scorer: Any) -> None:
    scoring._in_use[:] = [scorer]


def _asked(scorer: CountingScorer) -> dict[str, int]:
    return dict(scorer.asked)


class TestOtherScorer:
    """What becomes of scores when another scorer is used."""

    def test_rebuild_scores_anew(self, stages: Stages):
        """A rebuild with another version scores every text of the snapshots, once; the second finds nothing to do."""
        stages.send(CALL)
        newer = CountingScorer("2")
        _use(newer)
        assert rebuild(stages, "sentiment").tables["sentiments"].columns == {"scorer": 3}
        assert set(stages.select(SCORERS)) == {("counting/2",)}
        assert _asked(newer) == dict.fromkeys(TEXTS, 1)
        assert rebuild(stages, "sentiment").tables["sentiments"].changed == 0
        assert _asked(newer) == dict.fromkeys(TEXTS, 1)

    def test_live_work_leaves_scores_alone(self, stages: Stages):
        """Snapshots that come again under another version change no score."""
        stages.send(CALL)
        _use(CountingScorer("2"))
        stages.send(CALL)
        assert stages.select(SCORERS) == [("counting/1",)] * 3

    def test_another_calls_old_score_does_not_spread(self, stages: Stages):
        """A message is scored by the scorer in use, though another call has the same words from an older one."""
        old = [conversation_update([user(1, text="No!")], call_id=call_id) for call_id in ("call-1", "call-3")]
        stages.run("sentiment", *old)
        _use(CountingScorer("2"))
        remeasured = conversation_update([user(1, text="No!", confidence=0.1)], call_id="call-1", timestamp=1)
        stages.run("sentiment", remeasured, conversation_update([user(1, text="No!")], call_id="call-2"))
        found = dict(stages.select("select call_id, scorer from sentiments"))
        assert (found["call-2"], found["call-3"]) == ("counting/2", "counting/1")

    def test_rebuild_in_one_batch_with_rows_of_two_versions(self, stages: Stages):
        """Rows of two versions that share their words all end with the version in use."""
        stages.send(conversation_update([user(1, text="No!")], call_id="call-1"))
        _use(CountingScorer("2"))
        stages.send(conversation_update([user(1, text="No!")], call_id="call-2"))
        rebuild(stages, "sentiment")
        assert stages.select("select distinct scorer from sentiments") == [("counting/2",)]


class TestBadScorer:
    """A scorer that comes to grief."""

    @pytest.mark.parametrize(("text", "error"), [("raise", RuntimeError), ("nonsense", BadMood)])
    def test_nothing_is_written(self, stages: Stages, text: str, error: type[Exception]):
        """What it does not answer leaves no row and nothing known, so that another attempt does all of it."""
        _use(BadScorer())
        with pytest.raises(error):
            stages.run("sentiment", conversation_update([user(1, text=text), user(2)]))
        assert stages.select("select count(*) from fingerprints") == [(0,)]
        _use(CountingScorer())
        stages.run("sentiment", conversation_update([user(1, text=text), user(2)]))
        assert stages.select("select count(*) from sentiments") == [(2,)]

    @pytest.mark.parametrize("word", ["raise", "nonsense", "hang"])
    def test_its_own_event_fails_alone(self, publish, redis, database, settings_of_programs, tmp_path, word: str):
        """The event it fails on becomes a dead letter, without its words, and the neighbours are stored."""
        texts = ["Good.", f"Please {word} now.", "Bad."]
        events = [
            publish(_body(text, f"call-{place}"), job_attempts=1, job_timeout_seconds=1)
            for place, text in enumerate(texts)
        ]
        settings = {**settings_of_programs, "SENTIMENT_SCORER": "tests.scorers:bad", "JOB_TIMEOUT_SECONDS": "1"}
        work_off("sentiment", settings, tmp_path / "log")
        assert [is_dead(redis, event_id, "sentiment") for event_id in events] == [False, True, False]
        assert database.execute("select call_id from sentiments order by 1").fetchall() == [("call-0",), ("call-2",)]
        assert f"Please {word}" not in (tmp_path / "log").read_text() + repr(
            redis.hgetall(f"rq:job:{events[1]}-sentiment")
        )

    @pytest.mark.parametrize("command", [["worker", "sentiment", "--burst"], ["rebuild", "sentiment", "--all"]])
    def test_what_is_no_scorer_is_refused_at_start(self, command: list[str], database_url: str, servers: Any):
        """Worker and rebuild end with status 2, and say what is wrong with the setting."""
        told = {"SENTIMENT_SCORER": "tests.scorers:nameless", "DATABASE_URL": database_url}
        result = CliRunner(env={**told, "REDIS_URL": servers.redis_url}).invoke(main, command)
        assert (result.exit_code, "SENTIMENT_SCORER: tests.scorers:nameless is no scorer" in result.output) == (2, True)

    def test_other_stages_need_none(self, database_url: str, servers: Any):
        """Rebuilding another stage does not ask for the scorer."""
        told = {"SENTIMENT_SCORER": "tests.scorers:nameless", "DATABASE_URL": database_url}
        result = CliRunner(env={**told, "REDIS_URL": servers.redis_url}).invoke(main, ["rebuild", "metrics", "--all"])
        assert result.exit_code == 0


def _body(text: str, call_id: str) -> bytes:
    body: bytes = conversation_update([user(1, text=text)], call_id=call_id).body
    return body
