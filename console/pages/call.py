"""The page of one call: its conversation page by page, and beside it what is known of the call."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from flask import Blueprint, render_template, request
from pydantic import Field

from console.api.alerts import Alert
from console.api.calls import CallDetail, find_call
from console.api.histories import Interruption, Status
from console.api.messages import Message, list_revisions
from console.api.operations import ListingQuery, Query, Text
from console.api.sentiments import Sentiment
from console.errors import Missing
from console.pages.alert_words import by_urgency
from console.pages.call_page import Beside, CallPage
from console.pages.conversation import Facts, PlacedIncident, converse
from console.pages.liveness import is_live
from console.pages.marks import Marks
from console.pages.paging import NEWEST, Page, find_page
from console.pages.waterfall import MeasuredTurn
from console.services import Services
from console.streams.horizon import read_horizon
from shared.database import Connection
from shared.queries import queries

MOST_BESIDE = 100
MOST_WORDINGS = 100

_FROM_THE_BEGINNING = dict.fromkeys(("after_occurred_at", "after_status", "after_raised_at", "after_alert_id"))


class CallQuery(Query):
    """Which part of the page: a page by number, or the one of a turn; alone, its `part`, or a message's `wordings`."""

    page: int | None = Field(default=None, ge=1, le=10_000_000)
    turn: Text | None = None
    part: Literal["conversation", "newest"] | None = None
    wordings: Text | None = None


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /calls/ID."""

    @blueprint.get("/calls/<id:call_id>")
    def call(call_id: str) -> str:
        if "\0" in call_id:
            raise Missing("there is no call of that id")
        query = CallQuery.model_validate(request.args.to_dict())
        if query.wordings is not None:
            return _wordings(services, call_id, query.wordings)
        horizon = read_horizon(services.store)
        template = "_call_parts.html" if query.part else "call.html"
        return render_template(template, shown=read_call_page(services, call_id, query), horizon=horizon)


def read_call_page(services: Services, call_id: str, query: CallQuery) -> CallPage:
    """Read what the page shows. Raises Missing."""
    now, slow_turn_ms = datetime.now(UTC), services.settings.slow_turn_ms
    call = find_call(services, {"call_id": call_id}, Query())
    with services.store.reading() as connection:
        counts = _select(connection, "count_parts", call_id=call_id, message_id=query.turn)[0]
        page = find_page(counts["messages"], query.page, counts["earlier"])
        skipped = _skipped(page) if query.part == "newest" else 0
        messages = _read_messages(connection, call_id, page, skipped)
        beside = _read_beside(connection, call_id, counts["interruptions"])
        known = Facts(incidents=beside.incidents, slow_turn_ms=slow_turn_ms, is_open=is_live(call, now))
        facts = _read_facts(connection, call, messages, known)
    is_found = counts["earlier"] is not None
    return CallPage(
        *(call, page, converse(messages, facts), beside, slow_turn_ms, now),
        focus=query.turn if is_found else None,
        missed=None if is_found else query.turn,
        is_from_beginning=page.offset + skipped == 0,
    )


def _wordings(services: Services, call_id: str, message_id: str) -> str:
    path = {"call_id": call_id, "message_id": message_id}
    wordings = list_revisions(services, path, ListingQuery(), None, MOST_WORDINGS)
    return render_template("wordings.html", wordings=wordings, **path)


def _skipped(page: Page) -> int:
    """Tell how many messages of a page come before its newest."""
    return max(0, min(page.length, page.messages - page.offset) - NEWEST)


def _read_messages(connection: Connection, call_id: str, page: Page, skipped: int) -> Sequence[Message]:
    values = {"call_id": call_id, "offset": page.offset + skipped, "limit": page.length - skipped}
    return [Message.model_validate(row) for row in _select(connection, "list_messages", **values)]


def _read_facts(connection: Connection, call: CallDetail, messages: Sequence[Message], facts: Facts) -> Facts:
    ids = {message.message_id for message in messages}
    # A reply at the top of a page answers what stands on the page before.
    ids |= {message.reply_to for message in messages if message.reply_to is not None}
    turns = _select(connection, "list_turns", call_id=call.call_id, turn_ids=list(ids))
    cuts = _select(connection, "list_interruptions", call_id=call.call_id, message_ids=list(ids))
    moods = _select(connection, "list_sentiments", call_id=call.call_id, message_ids=list(ids))
    return replace(
        facts,
        turns=[MeasuredTurn.model_validate(row) for row in turns],
        interruptions=[Interruption.model_validate(row) for row in cuts],
        moods=[Sentiment.model_validate(row) for row in moods],
    )


def _read_beside(connection: Connection, call_id: str, interruptions: int) -> Beside:
    values = {"call_id": call_id, **_FROM_THE_BEGINNING, "limit": MOST_BESIDE}
    statuses = connection.execute(queries("console_calls")["list_statuses"], values).fetchall()
    incidents = _select(connection, "list_incidents", call_id=call_id, limit=MOST_BESIDE)
    alerts = connection.execute(queries("console_alerts")["list_of_call"], values).fetchall()
    (marks,) = _select(connection, "list_marks", call_ids=[call_id])
    return Beside(
        [Status.model_validate(row) for row in statuses],
        [PlacedIncident.model_validate(row) for row in incidents],
        interruptions,
        Marks.model_validate(marks),
        sorted(map(Alert.model_validate, alerts), key=_in_order),
    )


def _in_order(alert: Alert) -> tuple[bool, tuple[int, float]]:
    return alert.resolved_at is not None, by_urgency(alert)


def _select(connection: Connection, name: str, **values: Any) -> list[dict[str, Any]]:
    return connection.execute(queries("console_pages")[name], values).fetchall()
