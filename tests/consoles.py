"""The console for tests: in this process or as a program, on the test's servers, with calls to look at."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from flask.testing import FlaskClient
from redis import Redis

from console.app import ConsoleApp, create_app
from shared.settings import Settings
from tests.calls import realistic_call
from tests.dead_letters import fail_in_bulk
from tests.programs import Program, program, wait_for
from tests.servers import EmbeddedServers
from tests.stage_runs import Stages
from workers.figures import FiguresKeeper

TOKEN = "an-unlikely-token-of-the-console"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CALL_IDS = tuple(f"WC-{number}" for number in range(6))


def console_settings(redis_url: str, database_url: str, **changed: Any) -> Settings:
    """Set a console up on these servers."""
    given = {"redis_url": redis_url, "database_url": database_url, "console_tokens": TOKEN, "redis_timeout_seconds": 1}
    return Settings(**{**given, **changed})


@contextmanager
def console(settings: Settings) -> Iterator[ConsoleApp]:
    """Make the application inside this process, connected; it feeds no streams."""
    app = create_app(settings)
    app.services.store.open()
    try:
        yield app
    finally:
        app.stop()
        app.services.store.close()
        app.services.redis.close()


def get(client: FlaskClient, path: str, code: int = 200, /, **query: Any) -> Any:
    """Ask the API as a program does, and expect a status; gives what the JSON holds."""
    response = client.get(path, headers=BEARER, query_string=query)
    assert (response.status_code, path) == (code, path), response.text
    assert response.content_type == "application/json"
    return response.json


def fill_with_calls(database_url: str, call_ids: tuple[str, ...] = CALL_IDS, messages: int = 12) -> None:
    """Store some realistic calls, always the same, with their figures."""
    with Stages(database_url) as stages:
        for number, call_id in enumerate(call_ids):
            stages.send(*realistic_call(Random(number), messages=messages, call_id=call_id))
        keeper = FiguresKeeper(stages.database(), Settings())
        while any(keeper.run_step()):
            pass


def fill_with_everything(redis: Redis, database_url: str) -> None:
    """Store calls, dead letters, deliveries in quarantine and past runs, so that no listing is empty."""
    fill_with_calls(database_url)
    fail_in_bulk(redis, range(25))
    fail_in_bulk(redis, range(5), "transcripts")
    with psycopg.connect(database_url, autocommit=True) as database:
        for statement in _ROWS:
            database.execute(statement)


_ROWS = (
    "update calls set assistant_id = '697769ef5e6d94d5ad83e01e'",
    "insert into incidents (call_id, incident_id, kind)"
    " select 'WC-1', number, 'hang' from generate_series(1, 3) as number",
    "insert into alerts (alert_id, call_id, rule, severity, began_at, raised_at, resolved_at, detail)"
    " select md5(number::text), case when number > 4 then 'WC-1' else '' end, 'rule_' || number, 'warning',"
    " now() - number * interval '2 min', now() - number / 2 * interval '1 min', null, '{\"rate\": 0.07}'"
    " from generate_series(1, 9) as number",
    "insert into silences (rule, ends_at, who, reason)"
    " select 'rule_1', now() + (1 + number / 2) * interval '1 h', 'w', 'planned' from generate_series(1, 5) as number",
    "insert into quarantine select 'e' || number, now() - number * interval '1 s', 'unknown_type', 'private words'"
    " from generate_series(1, 7) as number",
    "insert into replays (who, action, source, filter, matched)"
    " select 'w', 'replay', 'quarantine', '{}', number from generate_series(1, 5) as number",
)


class RunningConsole:
    """The program `earshot console`, and requests to it over real connections."""

    def __init__(self, port: int, process: Program, log: Path, database_url: str) -> None:
        self.port, self.process, self.log, self.database_url = port, process, log, database_url
        self.url = f"http://127.0.0.1:{port}"

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, path: str, headers: Mapping[str, str] = BEARER, method: str = "GET", body: Any = None) -> Any:
        """Ask once; gives the status, the headers and the body."""
        sent = None if body is None else json.dumps(body).encode()
        typed = {**headers, "Content-Type": "application/json"} if sent else headers
        with closing(self.connect()) as connection:
            connection.request(method, path, body=sent, headers=dict(typed))
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()

    @contextmanager
    def reading(self, path: str) -> Iterator[Iterator[bytes]]:
        """Ask for something long, and read it line by line."""
        with closing(self.connect()) as connection:
            connection.request("GET", path, headers=BEARER)
            yield iter(connection.getresponse())

    def is_up(self) -> bool:
        """Tell whether it listens."""
        try:
            return bool(self.ask("/healthz")[0] == 200)
        except OSError:
            return False


@contextmanager
def running_console(
    servers: EmbeddedServers, database_url: str, log: Path, **settings: str
) -> Iterator[RunningConsole]:
    """Run `earshot console` as a program until the block ends."""
    port = free_port()
    given = {
        "REDIS_URL": servers.redis_url,
        "DATABASE_URL": database_url,
        "CONSOLE_TOKENS": TOKEN,
        "CONSOLE_PORT": str(port),
        **settings,
    }
    with program("console", settings=given, log=log) as process:
        running = RunningConsole(port, process, log, database_url)
        wait_for(running.is_up)
        yield running


def free_port() -> int:
    """Find a port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])
