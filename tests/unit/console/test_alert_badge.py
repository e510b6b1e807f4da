"""The number beside the navigation's Alerts: there when it can be had at once, and never in the way."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from console.pages import alert_badge
from console.pages.alert_badge import MOST_COUNTED, PAUSE_SECONDS, AlertBadge
from console.services import Services
from shared.errors import DatabaseUnavailable


class Tables:
    """A database that answers as it is told to, and counts how often it is asked; and a clock."""

    def __init__(self, answer: Callable[[], int]) -> None:
        self.answer, self.asked, self.now = answer, 0, 1000.0
        services = cast("Services", SimpleNamespace(store=self))
        self.badge = AlertBadge(services, clock=lambda: self.now)

    def row(self, *_: Any) -> dict[str, int]:
        self.asked += 1
        return {"alerts": self.answer()}


def refuse() -> int:
    raise DatabaseUnavailable("away")


def test_none_is_not_shown_and_many_are_a_hundred_less_one_and_more():
    """Up to the limit the number is exact."""
    numbers = (0, 1, MOST_COUNTED - 1, MOST_COUNTED)
    assert [Tables(lambda number=number: number).badge.words() for number in numbers] == ["", "1", "99", "99+"]


def test_a_database_that_is_away_is_not_asked_again_at_once():
    """Pages come without a number meanwhile; then it is asked anew."""
    tables = Tables(refuse)
    assert [tables.badge.words(), tables.badge.words()] == ["", ""]
    assert tables.asked == 1
    tables.answer, tables.now = lambda: 3, tables.now + PAUSE_SECONDS
    assert tables.badge.words() == "3"


def test_a_database_that_hangs_holds_up_nobody(monkeypatch):
    """The page comes without a number."""
    monkeypatch.setattr(alert_badge, "PATIENCE_SECONDS", 0.01)
    is_over = threading.Event()
    tables = Tables(lambda: int(is_over.wait(30)))
    assert tables.badge.count() is None
    assert tables.badge.count() is None
    assert tables.asked == 1
    is_over.set()
