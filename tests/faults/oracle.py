"""What must be in the tables: exactly what a serial run of the same events, without any fault, leaves there."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from bench.controls.rows import columns_of
from bench.controls.store import statement
from shared.event_records import StoredEvent
from tests.stage_runs import TABLES, Rows, Stages

TABLES_OF_STAGES = (*TABLES, "quarantine")
PLAIN_TABLES = ("plain_messages", "plain_metrics", "plain_interruptions")
Pair = tuple[str, StoredEvent]  # a stage, and an event for it


@dataclass(frozen=True, slots=True)
class Difference:
    """The calls whose rows are not those of the serial run, by what is the matter with them."""

    lost: frozenset[str]
    doubled: frozenset[str]
    wrong: frozenset[str]


def compare_with_serial_run(found_url: str, serial_url: str, pairs: Iterable[Pair]) -> Difference:
    """Run the pairs on the serial database, one by one, and compare all tables."""
    listed = list(pairs)
    with Stages(serial_url) as serial, Stages(found_url) as found:
        serial.run_jobs((stage, [event]) for stage, event in listed)
        told = found.select("select call_id, event_id, stage from receipts")
        kept = {**found.rows(TABLES_OF_STAGES), "receipts": [_receipt(*one) for one in told]}
        due = [_receipt(event.call_id, event.event_id, stage) for stage, event in listed]
        return difference(kept, {**serial.rows(TABLES_OF_STAGES), "receipts": due})


def compare_with_plain_run(found_url: str, serial_url: str, pairs: Iterable[Pair]) -> Difference:
    """Do the same for the control arm and its tables."""
    with psycopg.connect(serial_url, autocommit=True) as session:
        for stage, event in pairs:
            store_plainly(session, stage, event)
    with Stages(serial_url) as serial, Stages(found_url) as found:
        return difference(found.rows(PLAIN_TABLES), serial.rows(PLAIN_TABLES))


def store_plainly(session: psycopg.Connection, stage: str, event: StoredEvent) -> None:
    """Store an event as the control arm does; a message without metrics, as in a report, is no reason to fail."""
    messages = json.loads(event.body)["message"].get("messages") or ()
    columns = columns_of(stage, [(event.call_id, {"metrics": {}, **one}) for one in messages])
    if columns["call_id"]:
        session.execute(statement(stage), columns)


def difference(found: Rows, expected: Rows) -> Difference:
    """Compare the rows of all tables, call by call."""
    lost: set[str] = set()
    doubled: set[str] = set()
    wrong: set[str] = set()
    for table in expected:
        ours, theirs = _by_owner(found[table]), _by_owner(expected[table])
        for owner in ours.keys() | theirs.keys():
            if ours[owner] == theirs[owner]:
                continue
            surplus = ours[owner].total() - theirs[owner].total()
            (wrong if surplus == 0 else doubled if surplus > 0 else lost).add(owner)
    return Difference(frozenset(lost), frozenset(doubled), frozenset(wrong))


def _receipt(call_id: str, event_id: str, stage: str) -> str:
    return json.dumps({"call_id": call_id or event_id, "event_id": event_id, "stage": stage})


def _by_owner(rows: Sequence[str]) -> Mapping[str, Counter[str]]:
    owned: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        read = json.loads(row)
        owned[str(read.get("call_id") or read["event_id"])][row] += 1
    return owned
