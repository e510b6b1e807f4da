"""The page of alerts: what is open, what was before, which silences hold; and taking note of alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from pydantic import ValidationError
from werkzeug.wrappers import Response

from console.api.alerts import ALERTS, Acknowledgement, Alert, AlertsQuery, acknowledge, list_alerts
from console.api.operations import MOST_ROWS, ListingQuery, read_rows
from console.api.silences import Silence, list_silences
from console.errors import Unprocessable
from console.pages.alert_words import by_urgency
from console.pages.calls import read_filters
from console.pages.labels import describe_filters, label_of
from console.pages.places import place_of_ours
from console.services import Services
from shared.queries import queries

ALERTS_A_PAGE = "50"
MOST_OPEN, MOST_SILENCES, MOST_RULES = 100, 50, 200
STATES: Mapping[str, str] = {"open": "open", "unacknowledged": "not acknowledged", "resolved": "over"}


@dataclass(frozen=True, slots=True)
class AlertsPage:
    """What the page shows as of `now`. Unless a state was asked for, what is open stands apart, in front."""

    asked: Mapping[str, str]
    now: datetime
    problem: str = ""
    opened: Sequence[Alert] = ()
    has_more_open: bool = False
    listed: Sequence[Alert] = ()
    following: str | None = None
    silences: Sequence[Silence] = ()
    rules: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def filters(self) -> Mapping[str, str]:
        """What was asked, but for which page of it."""
        return {name: value for name, value in self.asked.items() if name not in ("cursor", "limit")}

    @property
    def is_split(self) -> bool:
        """Whether what is open stands apart."""
        return "state" not in self.asked

    @property
    def unacknowledged(self) -> Sequence[str]:
        """The ids of the alerts that are shown and wait for somebody to take note."""
        return [alert.alert_id for alert in (*self.opened, *self.listed) if alert.acknowledged_at is None]

    @property
    def unacknowledged_open(self) -> int:
        """How many of these are open."""
        shown = (*self.opened, *self.listed)
        return sum(alert.acknowledged_at is None and alert.resolved_at is None for alert in shown)

    @property
    def widest_silences(self) -> Sequence[Silence]:
        """The silences that hold, the ones that hide most in front."""
        return sorted(self.silences, key=lambda one: (one.rule is not None, one.call_id is not None, one.ends_at))

    def path_of(self, path: str, **more: str | None) -> str:
        """Write an address with the same filters, but for what is given anew."""
        asked = {**self.filters, **{name: value for name, value in more.items() if value}}
        return f"{path}?{urlencode(asked)}" if asked else path


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /alerts, and where its buttons lead."""

    @blueprint.get("/alerts")
    def alerts() -> tuple[str, int]:
        page = read_alerts(services, read_filters(request.args.to_dict()))
        return render_template("alerts.html", page=page, states=STATES), 422 if page.problem else 200

    @blueprint.post("/alerts/acknowledgements")
    def acknowledge_alerts() -> Response:
        # All that are shown come in one field, since a button has one value.
        named = [alert_id for told in request.form.getlist("alert_id") for alert_id in told.split()]
        chosen = Acknowledgement(alert_ids=named[:MOST_ROWS])
        acknowledge(services, chosen, services.access.name_of(request))
        return redirect(place_of_ours(request.form.get("back", ""), "/alerts"), 303)


def read_alerts(services: Services, asked: Mapping[str, str]) -> AlertsPage:
    """Read what the page shows; a filter that makes no sense is told in `problem`."""
    now = datetime.now(UTC)
    try:
        query = AlertsQuery.model_validate({"limit": ALERTS_A_PAGE, "state": "resolved", **asked})
        listed, following = read_rows(ALERTS, services, {}, query)
    except ValidationError as error:
        return AlertsPage(asked, now, describe_filters(error))
    except Unprocessable as error:
        name, _, problem = str(error).partition(":")
        return AlertsPage(asked, now, f"{label_of(name)}:{problem}")
    opened = _read_open(services, query) if not {"state", "cursor"} & asked.keys() else []
    told: dict[str, Any] = {
        "opened": sorted(opened[:MOST_OPEN], key=by_urgency),
        "has_more_open": len(opened) > MOST_OPEN,
        "listed": listed,
        "following": following,
        "silences": list_silences(services, {}, ListingQuery(), None, MOST_SILENCES),
        "rules": read_rules(services),
        "names": read_names(services, [*opened, *listed]),
    }
    return AlertsPage(asked, now, **told)


def read_rules(services: Services) -> Mapping[str, str]:
    """Read the names of the rules by which alerts were raised, each as people choose it."""
    rows = services.store.rows(queries("console_alerts")["list_rules"], {"limit": MOST_RULES})
    return {row["rule"]: row["rule"] for row in rows}


def read_names(services: Services, alerts: Sequence[Alert]) -> Mapping[str, str]:
    """Read with whom the calls were that alerts are about, by call_id."""
    call_ids = sorted({alert.call_id for alert in alerts if alert.call_id})
    rows = services.store.rows(queries("console_pages")["list_names"], {"call_ids": call_ids})
    return {row["call_id"]: row["name"] for row in rows}


def _read_open(services: Services, query: AlertsQuery) -> Sequence[Alert]:
    return list_alerts(services, {}, query.model_copy(update={"state": "open"}), None, MOST_OPEN + 1)
