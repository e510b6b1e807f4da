"""What the console is asked, how soon it must answer, and the statement that it is held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from bench.console_client import Client
from bench.console_rows import Amounts, call_id_of
from bench.console_stand import ConsoleStand

LIST_MS, ANALYTICS_MS = 50.0, 500.0
PAGE_ROWS = 50
# Of 30 days of rows: how many lie behind a deep place, and behind the one late in the long call.
DEEP_SHARE, LATE_SHARE = 0.5, 0.9
RARE_ASSISTANT, COMMON_ASSISTANT = "assistant-12", "assistant-0"
COMMON_WORD, RARE_WORD, NO_WORD = "appointment", "xylophone", "quetzalcoatlus"
RARE_PHRASE, RARE_EXCLUSION = '"umbrella zipper"', "the -you"


@dataclass(frozen=True, slots=True)
class Control:
    """A statement of bench/sql that gives the same rows or figures another way."""

    sql: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A path to ask for; `name` is what the tables call it."""

    name: str
    path: str
    target_ms: float = LIST_MS
    control: Control | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Where in the rows to ask: calls, cursors, and the days that there are."""

    call_id: str
    long_call_id: str
    since: datetime
    until: datetime
    deep_cursor: str
    deep_rows: int
    late_cursor: str
    late_rows: int


def find_places(stand: ConsoleStand, client: Client, amounts: Amounts) -> Places:
    """Look up the calls, and page to the cursors as a reader would."""
    newest = stand.newest()
    long_call_id = call_id_of(amounts.long_call)
    deep_rows = int(amounts.calls * DEEP_SHARE) // 500 * 500
    late_rows = int(amounts.long_messages * LATE_SHARE) // 500 * 500
    return Places(
        call_id=call_id_of(amounts.calls * 8 // 10),
        long_call_id=long_call_id,
        since=newest - timedelta(days=amounts.days),
        until=newest + timedelta(seconds=1),
        deep_cursor=client.cursor_at("/api/calls?", deep_rows),
        deep_rows=deep_rows,
        late_cursor=client.cursor_at(f"/api/calls/{long_call_id}/messages?", late_rows),
        late_rows=late_rows,
    )


def questions(places: Places) -> Sequence[Question]:
    """Give all questions in the order of the table."""
    return (*_lists(places), *_conversations(places), *_analytics(places), *_pages(places))


def _lists(places: Places) -> Sequence[Question]:
    day = {"since": places.until - timedelta(days=8), "until": places.until - timedelta(days=7)}
    deep = Control("control_calls", {"limit": PAGE_ROWS + 1, "offset": places.deep_rows})
    filters: Mapping[str, Mapping[str, Any]] = {
        "calls": {},
        "calls, 500 rows": {"limit": 500},
        "calls, in progress": {"status": "ongoing"},
        "calls, finished": {"status": "finished"},
        "calls, failed": {"status": "failed"},
        "calls, of no such status": {"status": "paused"},
        "calls, common assistant": {"assistant_id": COMMON_ASSISTANT},
        "calls, rare assistant": {"assistant_id": RARE_ASSISTANT},
        "calls, of a team": {"team_id": "team-3"},
        "calls, of a day": day,
        "calls, interrupted": {"has_interruptions": "true"},
        "calls, never interrupted": {"has_interruptions": "false"},
        "calls, slow": {"slow": "true"},
        "calls, with alerts": {"alerts": "true"},
        "calls, without alerts": {"alerts": "false"},
        "calls, slow and failed": {"slow": "true", "status": "failed"},
        "calls, rare assistant and interrupted": {"assistant_id": RARE_ASSISTANT, "has_interruptions": "true"},
        "calls, with a common word": {"search": COMMON_WORD},
        "calls, with a rare word": {"search": RARE_WORD},
        "calls, with a word nobody said": {"search": NO_WORD},
        "calls, with a phrase that few said": {"search": RARE_PHRASE},
        "calls, with a common word but not another": {"search": RARE_EXCLUSION},
        "calls, with a common and a rare word": {"search": f"{COMMON_WORD} {RARE_WORD}"},
        "calls, with a common word, of a rare assistant": {"search": COMMON_WORD, "assistant_id": RARE_ASSISTANT},
    }
    return (
        *(Question(name, _path("/api/calls", **values)) for name, values in filters.items()),
        Question("calls, a deep page", _path("/api/calls", cursor=places.deep_cursor), control=deep),
    )


def _conversations(places: Places) -> Sequence[Question]:
    one, long = f"/api/calls/{places.call_id}", f"/api/calls/{places.long_call_id}"
    late = {"call_id": places.long_call_id, "limit": PAGE_ROWS + 1, "offset": places.late_rows}
    return (
        Question("a call", one),
        Question("its messages", f"{one}/messages"),
        Question("its turns", f"{one}/turns"),
        Question("its statuses", f"{one}/statuses"),
        Question("its moods", f"{one}/sentiments"),
        Question("alerts", "/api/alerts"),
        Question("alerts, open", _path("/api/alerts", state="open")),
        Question("alerts, not acknowledged", _path("/api/alerts", state="unacknowledged")),
        Question("alerts, of a rule", _path("/api/alerts", rule="rule_3")),
        Question("messages of the long call", f"{long}/messages"),
        Question(
            "messages late in the long call",
            _path(f"{long}/messages", cursor=places.late_cursor),
            control=Control("control_messages", late),
        ),
        Question("turns of the long call", f"{long}/turns"),
        Question("queues", "/api/queues"),
        Question("failed", "/api/failed"),
        Question("quarantine", "/api/quarantine"),
    )


def _analytics(places: Places) -> Sequence[Question]:
    days = {"since": places.since, "until": places.until}
    month = f"{(places.until - places.since).days} days"
    slow = Control("control_latency", days)
    asked = [
        Question(
            f"{topic}, {month}, by {by}",
            _path(f"/api/analytics/{topic}", **days, by=by),
            ANALYTICS_MS,
            slow if (topic, by) == ("latency", "assistant") else None,
        )
        for topic in ("latency", "interruptions", "calls")
        for by in ("none", "assistant", "hour", "day")
    ]
    one = _path("/api/analytics/latency", **days, by="hour", assistant_id=COMMON_ASSISTANT)
    return (*asked, Question(f"latency, {month}, by hour, one assistant", one, ANALYTICS_MS))


def _pages(places: Places) -> Sequence[Question]:
    paths = {
        "page: live": "/",
        "page: calls": "/calls",
        "page: calls, a deep page": _path("/calls", cursor=places.deep_cursor),
        "page: calls with a rare word": _path("/calls", search=RARE_WORD),
        "page: a call": f"/calls/{places.call_id}",
        "page: the long call": f"/calls/{places.long_call_id}",
        "page: alerts": "/alerts",
        "page: operations": "/operations",
    }
    charts = {"page: latency": "/latency", "page: interruptions": "/interruptions"}
    return (
        *(Question(name, path) for name, path in paths.items()),
        *(Question(name, path, ANALYTICS_MS) for name, path in charts.items()),
    )


def _path(path: str, **values: Any) -> str:
    told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
    return f"{path}?{urlencode(told)}" if told else path
