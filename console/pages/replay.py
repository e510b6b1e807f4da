"""Replaying from a page: first what would be replayed, then, by a form of its own, the replay and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, render_template, request
from pydantic import Field, TypeAdapter

from console.api.failed import Failed, FailedQuery, list_failed
from console.api.quarantine import Quarantined, QuarantineQuery, list_quarantine
from console.api.replay_orders import DeadLetterOrder, Order
from console.api.replays import MOST_AT_ONCE, Replayed, replay
from console.pages.calls import read_filters
from console.services import Services

MOST_SHOWN = 20

_ORDER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="source")])


@dataclass(frozen=True, slots=True)
class ReplayPage:
    """What is about to be replayed, or was: the first of them as far as they are shown, and the figures."""

    source: Literal["dead_letters", "quarantine"]
    asked: Mapping[str, str]
    figures: Replayed
    rows: Sequence[Failed] | Sequence[Quarantined] = ()

    @property
    def filters(self) -> Mapping[str, str]:
        """What chooses them; empty for all."""
        return {name: value for name, value in self.asked.items() if name not in {"source", "all"}}

    @property
    def most(self) -> int:
        """How many can be replayed while somebody waits for it."""
        return MOST_AT_ONCE[self.source]

    @property
    def back(self) -> str:
        """The list they were chosen from."""
        path = "/operations" if self.source == "dead_letters" else "/operations/quarantine"
        return f"{path}?{urlencode(self.filters)}" if self.filters else path


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /operations/replay: asked for, it changes nothing; posted to, it replays."""

    def who() -> str:
        return services.access.name_of(request)

    @blueprint.get("/operations/replay")
    def preview() -> str:
        asked = read_filters(request.args.to_dict())
        order = read_order(asked, is_dry=True)
        page = ReplayPage(order.source, asked, replay(services, order, who()), read_first(services, order))
        return render_template("replay.html", page=page)

    @blueprint.post("/operations/replay")
    def confirm() -> str:
        asked = read_filters(request.form.to_dict())
        asked.pop("csrf_token", None)
        order = read_order(asked, is_dry=False)
        return render_template("replayed.html", page=ReplayPage(order.source, asked, replay(services, order, who())))


def read_order(asked: Mapping[str, str], *, is_dry: bool) -> Order:
    """Read what is to be replayed. Raises ValidationError."""
    chosen = {name: value for name, value in asked.items() if name not in {"source", "all"}}
    told: dict[str, Any] = {"source": asked.get("source"), "filter": chosen, "dry_run": is_dry}
    return _ORDER.validate_json(msgspec.json.encode({**told, "all": asked.get("all") == "true"}))


def read_first(services: Services, order: Order) -> Sequence[Failed] | Sequence[Quarantined]:
    """Read the first of what is to be replayed, newest first."""
    chosen = order.filter.model_dump(exclude_none=True)
    if isinstance(order, DeadLetterOrder):
        return list_failed(services, {}, FailedQuery(**chosen), None, MOST_SHOWN)
    return list_quarantine(services, {}, QuarantineQuery(**chosen), None, MOST_SHOWN)
