"""What was written since a horizon, as events: of many calls at once, or page by page of one.

`turn` events have no rows of their own: a turn is told when a message of it or their metrics were written.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from console.api.alerts import Alert
from console.api.calls import Call
from console.api.histories import Incident, Interruption, Status
from console.api.messages import Message
from console.api.operations import Row
from console.api.sentiments import Sentiment
from console.api.turns import Turn
from console.store import Store
from shared.database import Connection
from shared.queries import queries

Place = tuple[datetime | None, str | None]
DictRows = Sequence[Mapping[str, Any]]

# Of what is read page by page.
ROWS_AT_ONCE = 100

_BEGINNING: Place = (None, None)
# Statement, and the event that a row of it makes; metrics make turns only.
_PARTS: Mapping[str, tuple[str, type[Row] | None]] = {
    "messages": ("message", Message),
    "measured": ("turn", None),
    "statuses": ("status", Status),
    "interruptions": ("interruption", Interruption),
    "incidents": ("incident", Incident),
    "sentiments": ("sentiment", Sentiment),
    "alerts": ("alert", Alert),
}


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was written: the event's name, the row's key among those of the call, and the row as JSON."""

    event: str
    key: str
    writer: int
    row: bytes


@dataclass(slots=True)
class Changes:
    """What was found of some calls; whatever transactions below `horizon` wrote is in it or was told before.

    Of a call that is in `overflowing` more was written than the limit.
    """

    horizon: int
    by_call: dict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))
    overflowing: set[str] = field(default_factory=set)


def read_changes(store: Store, horizons: Mapping[str, int], limit: int) -> Changes:
    """Read what was written of calls since the horizon of each. Raises DatabaseUnavailable."""
    with store.reading() as connection:
        found = Changes(_horizon(connection))
        turns: dict[tuple[str, str], int] = {}
        for part in _PARTS:
            rows = _part(connection, part, horizons, _BEGINNING, limit + 1)
            _collect(found, part, rows)
            _note_turns(turns, rows)
            found.overflowing |= _fuller_than(limit, rows)
        _collect_turns(found, connection, turns)
        for row in _calls(connection, horizons):
            found.by_call[row["call_id"]].append(_change("call", Call, row))
    return found


def read_calls(store: Store, call_ids: Sequence[str], horizon: int) -> list[Change]:
    """Read those of the named calls whose row was written since a horizon. Raises DatabaseUnavailable."""
    with store.reading() as connection:
        rows = _calls(connection, dict.fromkeys(call_ids, horizon))
    return [_change("call", Call, row) for row in rows]


def page_calls(store: Store, horizon: int, since: datetime, rows_at_once: int) -> Iterator[list[Change]]:
    """Read page by page the calls begun since a moment whose row was written since a horizon."""
    place: Place | None = _BEGINNING
    while place:
        values = {"since": since, "horizon": horizon, "limit": rows_at_once}
        rows = store.rows(queries("console_changes")["recent_calls"], {**values, **_behind(place)})
        yield [_change("call", Call, row) for row in rows]
        place = _next_place(rows, rows_at_once)


def page_changes(store: Store, call_id: str, horizon: int, rows_at_once: int) -> Iterator[list[Change]]:
    """Read page by page what was written of a call since a horizon, each turn once."""
    told: set[str] = set()
    for part in _PARTS:
        place: Place | None = _BEGINNING
        while place:
            with store.reading() as connection:
                rows = _part(connection, part, {call_id: horizon}, place, rows_at_once)
                page = Changes(horizon)
                _collect(page, part, rows)
                turns: dict[tuple[str, str], int] = {}
                _note_turns(turns, [row for row in rows if row.get("turn_id") not in told])
                _collect_turns(page, connection, turns)
            told.update(turn_id for _, turn_id in turns)
            yield page.by_call[call_id]
            place = _next_place(rows, rows_at_once)
    yield read_calls(store, [call_id], horizon)


def _horizon(connection: Connection) -> int:
    row = connection.execute(queries("console_changes")["horizon"]).fetchone()
    return int(row["horizon"]) if row else 0


def _part(connection: Connection, part: str, horizons: Mapping[str, int], place: Place, limit: int) -> DictRows:
    values = {"call_ids": list(horizons), "horizons": list(horizons.values()), "limit": limit, **_behind(place)}
    return connection.execute(queries("console_changes")[part], values).fetchall()


def _calls(connection: Connection, horizons: Mapping[str, int]) -> DictRows:
    values = {"call_ids": list(horizons), "horizons": list(horizons.values())}
    return connection.execute(queries("console_changes")["calls"], values).fetchall()


def _behind(place: Place) -> dict[str, Any]:
    return {"after_at": place[0], "after_key": place[1]}


def _next_place(rows: DictRows, rows_at_once: int) -> Place | None:
    return (rows[-1]["row_at"], rows[-1]["row_key"]) if len(rows) == rows_at_once else None


def _fuller_than(limit: int, rows: DictRows) -> set[str]:
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row["call_id"]] += 1
    return {call_id for call_id, count in counts.items() if count > limit}


def _collect(found: Changes, part: str, rows: DictRows) -> None:
    event, kind = _PARTS[part]
    if kind:
        for row in rows:
            found.by_call[row["call_id"]].append(_change(event, kind, row))


def _note_turns(turns: dict[tuple[str, str], int], rows: DictRows) -> None:
    """Note which turns the rows belong to, each with the newest transaction that wrote of it."""
    for row in rows:
        if "turn_id" in row:
            key = (row["call_id"], row["turn_id"])
            turns[key] = max(turns.get(key, 0), row["writer"])


def _collect_turns(found: Changes, connection: Connection, turns: Mapping[tuple[str, str], int]) -> None:
    if not turns:
        return
    call_ids, turn_ids = zip(*turns, strict=True)
    values = {"call_ids": list(call_ids), "turn_ids": list(turn_ids)}
    for row in connection.execute(queries("console_changes")["turns"], values):
        writer = turns[row["call_id"], row["turn_id"]]
        found.by_call[row["call_id"]].append(_change("turn", Turn, {**row, "writer": writer}))


def _change(event: str, kind: type[Row], row: Mapping[str, Any]) -> Change:
    return Change(event, row["row_key"], row["writer"], kind.model_validate(row).model_dump_json().encode())
