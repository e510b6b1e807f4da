"""What PostgreSQL knows of the notices of a channel: which is next, and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.alerting.notices import Notice
from shared.database import Connection, Database
from shared.queries import queries
from workers.delivery.facts import Facts, Personal

TOPIC = "deliveries"

_OF_NOTICE = ("notice_id", "call_id", "alert_id", "channel", "what")
_OF_ALERT = (
    *("rule", "severity", "message_id", "subject", "began_at", "raised_at", "resolved_at"),
    *("assistant", "is_call_over"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A notice as it stands; `facts` is None where its alert is gone."""

    notice: Notice
    facts: Facts | None
    is_delivered: bool
    is_waited_for: bool
    is_published: bool


class Ledger:
    """The notices of one database. All methods raise DatabaseUnavailable."""

    def __init__(self, database: Database, *, with_personal: bool) -> None:
        """`with_personal` has the text of the message and the caller's number told."""
        self._database = database
        self._with_personal = with_personal

    def find(self, notice_id: int) -> Entry | None:
        """Read a notice; None where it is gone."""
        return self._read("read_notice", {"notice_id": notice_id})

    def oldest(self, channel: str) -> Entry | None:
        """Read the notice of a channel that is next; None where none is waited for."""
        return self._read("read_oldest", {"channel": channel})

    def behind(self, notice: Notice, places: int) -> Entry | None:
        """Read the notice that stands so many places behind another one, or the last; None where none does."""
        wanted = {"channel": notice.channel, "notice_id": notice.notice_id, "places": places}
        with self._database.transaction() as connection:
            row = connection.execute(queries(TOPIC)["find_behind"], wanted).fetchone()
        return None if row is None else self.find(row["notice_id"])

    def mark_delivered(self, notice: Notice) -> None:
        """Put down that a notice has been delivered."""
        self._write("mark_delivered", notice)

    def give_up(self, notice: Notice) -> None:
        """Put down that a notice is waited for no longer: those behind it go on."""
        self._write("give_up", notice)

    def pass_over(self, notice: Notice) -> None:
        """Put down that what is in front of a notice is waited for no longer; it keeps its own attempts."""
        self._write("pass_over", notice)

    def publish_again(self, notice: Notice) -> None:
        """Have the janitor put a notice into its queue once more."""
        self._write("publish_again", notice)

    def _read(self, query: str, wanted: Mapping[str, Any]) -> Entry | None:
        with self._database.transaction() as connection:
            row = connection.execute(queries(TOPIC)[query], wanted).fetchone()
            return None if row is None else self._entry(connection, row)

    def _entry(self, connection: Connection, row: Mapping[str, Any]) -> Entry:
        return Entry(
            Notice(**{name: row[name] for name in _OF_NOTICE}),
            self._facts(connection, row) if row["rule"] is not None else None,
            is_delivered=row["delivered_at"] is not None,
            is_waited_for=row["given_up_at"] is None and row["passed_over_at"] is None,
            is_published=row["published_at"] is not None,
        )

    def _facts(self, connection: Connection, row: Mapping[str, Any]) -> Facts:
        personal = self._personal(connection, row) if self._with_personal else Personal()
        of_alert = {name: row[name] for name in _OF_ALERT}
        ids = {"what": row["what"], "alert_id": row["alert_id"], "call_id": row["call_id"]}
        return Facts(**ids, **of_alert, detail=row["detail"] or {}, personal=personal)

    def _personal(self, connection: Connection, row: Mapping[str, Any]) -> Personal:
        ids = {"call_id": row["call_id"], "message_id": row["message_id"]}
        found = connection.execute(queries(TOPIC)["read_personal"], ids).fetchone()
        return Personal(**found) if found else Personal()

    def _write(self, query: str, notice: Notice) -> None:
        with self._database.transaction() as connection:
            connection.execute(queries(TOPIC)[query], {"notice_id": notice.notice_id, "channel": notice.channel})
