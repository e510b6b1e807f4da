"""Streams of the running program: over HTTP, across restarts, and at its end."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import pytest

from shared.announcements import announce
from tests.calls import conversation_update, user, welcome
from tests.consoles import BEARER, RunningConsole, console_settings, running_console
from tests.consoles import console as console_in_process
from tests.event_streams import open_stream
from tests.programs import wait_for
from tests.stage_runs import Stages

CALL = "WC-1/with a slash"
PATH = "/api/calls/WC-1%2Fwith%20a%20slash/stream"
MANY = 60


@pytest.fixture
def stages(redis, database_url) -> Iterator[Stages]:
    """Stages on the test's database, with one call."""
    with Stages(database_url) as running:
        running.send(conversation_update([welcome()], call_id=CALL))
        yield running


@pytest.fixture
def console(servers, redis, database_url, stages, tmp_path: Path) -> Iterator[RunningConsole]:
    """The console as a program."""
    with running_console(servers, database_url, tmp_path / "console.log") as running:
        yield running


def said(*numbers: int) -> list[str]:
    return [f"user-{number}" for number in numbers]


def history(newest: int) -> object:
    """Build the conversation up to a message of the user's."""
    return conversation_update([welcome(), *(user(number) for number in range(1, newest + 1))], call_id=CALL)


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        (PATH, {}, 401),
        ("/api/stream", {"Authorization": "Bearer wrong"}, 401),
        ("/api/calls/unknown/stream", BEARER, 404),
        ("/api/calls/%00/stream", BEARER, 404),
        (f"{PATH}?after=-1", BEARER, 422),
        (f"{PATH}?after=99999999999999999999", BEARER, 422),
        (f"{PATH}?before=1", BEARER, 422),
        ("/api/stream?after=soon", BEARER, 422),
        (PATH, {**BEARER, "Last-Event-ID": "yesterday"}, 422),
    ],
)
def test_what_is_refused_is_refused_as_json(servers, stages, database_url, path, headers, code):
    """Strangers, calls that are not there, and places that no stream has given."""
    with console_in_process(console_settings(servers.redis_url, database_url)) as app:
        response = app.test_client().get(path, headers=headers)
    assert (response.status_code, response.content_type) == (code, "application/json"), response.text


def test_a_stream_is_one_for_browsers_and_proxies(console):
    """Nothing on the way may keep it back or keep it for later."""
    with closing(console.connect()) as connection:
        connection.request("GET", PATH, headers=BEARER)
        response = connection.getresponse()
        told = (response.status, response.headers["Content-Type"], response.headers["X-Accel-Buffering"])
        assert told == (200, "text/event-stream; charset=utf-8", "no")
        assert response.headers["Cache-Control"] == "no-store"


def test_a_browser_comes_back_to_a_console_that_was_restarted(servers, redis, database_url, stages, tmp_path):
    """Its header says what it has, whatever its address says; it hears what was missed and what follows."""
    with running_console(servers, database_url, tmp_path / "first.log") as first:
        with open_stream(first, f"{PATH}?after=0") as reader:
            wait_for(lambda: reader.last_id)
            stages.send(history(1))
            announce(redis, [CALL])
            wait_for(lambda: reader.message_ids() == ["welcome-1", *said(1)])
            wait_for(lambda: reader.rows("turn"))
        place = str(reader.last_id)
    stages.send(history(2))
    with (
        running_console(servers, database_url, tmp_path / "second.log") as second,
        open_stream(second, f"{PATH}?after=0", **{"Last-Event-ID": place}) as reader,
    ):
        wait_for(lambda: reader.message_ids() == said(2))
        stages.send(history(3))
        announce(redis, [CALL])
        wait_for(lambda: reader.message_ids() == said(2, 3))


def test_sigterm_ends_the_program_with_many_open_streams(console):
    """The streams end with it, and nobody has to be killed."""
    paths = [PATH, "/api/stream"] * (MANY // 2)
    with ExitStack() as opened:
        readers = [opened.enter_context(open_stream(console, path)) for path in paths]
        wait_for(lambda: all(reader.last_id for reader in readers))
        console.process.send_signal(signal.SIGTERM)
        assert console.process.wait(timeout=7) == 0
        wait_for(lambda: all(reader.is_over for reader in readers))
    assert "outcome=stopping" in console.log.read_text()
    assert "Traceback" not in console.log.read_text()


def test_more_streams_than_allowed_are_sent_away(servers, redis, database_url, stages, tmp_path):
    """They are told when to come back; pages and answers go on."""
    log = tmp_path / "console.log"
    with (
        running_console(servers, database_url, log, CONSOLE_STREAMS="2") as console,
        open_stream(console, PATH) as one,
        open_stream(console, "/api/stream") as another,
    ):
        wait_for(lambda: one.last_id and another.last_id)
        status, told, _ = console.ask(PATH)
        assert (status, told["retry-after"]) == (503, "5")
        assert console.ask("/api/calls")[0] == 200


def test_who_leaves_makes_room(servers, redis, database_url, stages, tmp_path):
    """That somebody has gone is noticed when there is something to tell; then another may come."""
    log = tmp_path / "console.log"
    with running_console(servers, database_url, log, CONSOLE_STREAMS="1") as console:
        with open_stream(console, PATH) as reader:
            wait_for(lambda: reader.last_id)
        numbers = count(1)

        def is_free() -> bool:
            stages.send(history(next(numbers)))
            announce(redis, [CALL])
            with closing(console.connect()) as connection:
                connection.request("GET", PATH, headers=BEARER)
                return connection.getresponse().status == 200

        wait_for(is_free)
        wait_for(lambda: "outcome=left" in log.read_text())
