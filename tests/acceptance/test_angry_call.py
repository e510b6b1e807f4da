"""An angry caller, everything that `earshot up` starts, and a receiver that was away: one word, once, signed."""

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from standardwebhooks.webhooks import Webhook

from earshot.children import wait_until
from earshot.env_file import read_env
from earshot.procfile import PROJECT_PROCFILE, read_procfile
from shared.event_records import StoredEvent
from tests.calls import CALL_ID, assistant, conversation_update, status_update, user, welcome
from tests.commands import EarshotCommand, free_port
from tests.notices import SECRET
from tests.receivers import Answer, HttpReceiver, Request

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

PATIENCE_SECONDS = 60
ANGER = "This is terrible, I am furious, you are the worst service I have ever called!"
AWAY, BACK = Answer(503), Answer(200)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as receiver:
        receiver.answer = AWAY
        yield receiver


@pytest.fixture
def up(tmp_path: Path, receiver: HttpReceiver) -> Iterator[EarshotCommand]:
    variables = {
        "ALERT_WEBHOOK_URL": receiver.url,
        "ALERT_WEBHOOK_SECRET": SECRET,
        "ALERT_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    ports = ("--port", str(free_port()), "--console-port", str(free_port()), "--no-sample")
    with EarshotCommand("up", *ports, directory=tmp_path / "data", variables=variables) as command:
        command.wait_for("Earshot is up.")
        yield command


@pytest.fixture
def session(up: EarshotCommand) -> Iterator[psycopg.Connection]:
    with psycopg.connect(read_env(up.directory / "env")["DATABASE_URL"], autocommit=True) as session:
        yield session


@pytest.mark.slow
def test_an_angry_call_is_told_once_whatever_is_killed(
    up: EarshotCommand, receiver: HttpReceiver, session: psycopg.Connection, tmp_path: Path
) -> None:
    """Ten snapshots in any order make one row a message and one alert; its receiver hears of it once it is back."""
    snapshots = random.Random(7).sample(_snapshots(), 10)
    _send(tmp_path, up, snapshots)
    assert _is_met(lambda: receiver.refused), up.output
    for program in ("webhook", "janitor", "sentiment"):
        os.kill(up.process_of(f"-m {' '.join(read_procfile(PROJECT_PROCFILE)[program])}"), signal.SIGKILL)
    receiver.answer = BACK
    assert _is_met(lambda: receiver.taken), up.output
    _send(tmp_path, up, [*snapshots[::-1], _finished()])
    with EarshotCommand("rebuild", "sentiment", "--all", directory=up.directory) as rebuild:
        assert rebuild.wait() == 0, rebuild.output
    assert _is_met(lambda: session.execute("select from alerts where resolved_at is not null").fetchall()), up.output
    assert [_verified(request)["type"] for request in receiver.taken] == ["alert.raised"]
    alerts = session.execute("select rule, call_id, message_id from alerts").fetchall()
    assert alerts == [("negative_sentiment", CALL_ID, "user-2")]
    moods = session.execute("select message_id, label from sentiments order by message_id").fetchall()
    assert [message_id for message_id, _ in moods] == [f"user-{number}" for number in range(1, 6)]
    assert dict(moods)["user-2"] == "negative"


def _snapshots() -> list[StoredEvent]:
    messages = [welcome()]
    for number in range(1, 6):
        messages += [user(number, text=ANGER if number == 2 else "The blue one."), assistant(number)]
    return [conversation_update(messages[:length]) for length in range(2, 12)]


def _finished() -> StoredEvent:
    return status_update("finished")


def _send(tmp_path: Path, up: EarshotCommand, events: list[StoredEvent]) -> None:
    (tmp_path / "events.ndjson").write_bytes(b"\n".join(event.body for event in events))
    with EarshotCommand("send", tmp_path / "events.ndjson", directory=up.directory) as sender:
        assert sender.wait() == 0, sender.output


def _is_met(condition) -> bool:
    return wait_until(condition, PATIENCE_SECONDS)


def _verified(request: Request) -> dict:
    return Webhook(SECRET).verify(request.body, request.headers)
