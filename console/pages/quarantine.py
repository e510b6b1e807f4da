"""The pages of quarantine: the deliveries that no stage could take, and the body of one of them as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, render_template, request

from console.api.operations import read_cursor, write_cursor
from console.api.quarantine import OPERATIONS, Quarantined, QuarantineQuery, list_quarantine
from console.errors import Missing
from console.pages.calls import read_filters
from console.pages.stored_body import make_readable
from console.services import Services
from shared.queries import queries

DELIVERIES_A_PAGE = "50"

(_LISTING,) = OPERATIONS


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """A page of the deliveries that pass the filters, and the reasons that there are."""

    asked: Mapping[str, str]
    query: QuarantineQuery
    deliveries: Sequence[Quarantined]
    following: str | None
    reasons: Sequence[str]

    @property
    def chosen(self) -> Mapping[str, str]:
        """What was asked, but for which page of it."""
        return {name: value for name, value in self.asked.items() if name not in {"cursor", "limit"}}

    @property
    def replay_path(self) -> str:
        """Where all that pass the filters can be replayed."""
        return f"/operations/replay?{urlencode({'source': 'quarantine', **(self.chosen or {'all': 'true'})})}"

    def path_of_page(self, cursor: str | None) -> str:
        """Write the address of another page of deliveries that pass the same filters."""
        asked = {**self.chosen, **({"cursor": cursor} if cursor else {})}
        return f"/operations/quarantine?{urlencode(asked)}" if asked else "/operations/quarantine"


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /operations/quarantine, and the page of each delivery."""

    @blueprint.get("/operations/quarantine")
    def quarantine() -> str:
        return render_template("quarantine.html", page=read_quarantine(services, read_filters(request.args.to_dict())))

    @blueprint.get("/operations/quarantine/<event_id>")
    def quarantined(event_id: str) -> str:
        # No id of ours, and nothing that PostgreSQL would refuse as a text.
        known = [event_id] if event_id.isalnum() else []
        for row in services.store.rows(queries("quarantined")["load"], {"event_ids": known}):
            return render_template("quarantined.html", delivery=row, body=make_readable(row["body"]))
        raise Missing("there is no delivery of that id in quarantine; it may have been replayed meanwhile")


def read_quarantine(services: Services, asked: Mapping[str, str]) -> QuarantinePage:
    """Read the deliveries that pass the filters. Raises ValidationError and Unprocessable."""
    query = QuarantineQuery.model_validate({"limit": DELIVERIES_A_PAGE, **asked})
    found = list_quarantine(services, {}, query, read_cursor(_LISTING, query.cursor), query.limit + 1)
    page, rest = found[: query.limit], found[query.limit :]
    following = write_cursor(_LISTING, page[-1]) if rest else None
    return QuarantinePage(asked, query, page, following, sorted(count_quarantined(services)))


def count_quarantined(services: Services) -> Mapping[str, int]:
    """Count the deliveries in quarantine, by reason. Raises DatabaseUnavailable."""
    everything = dict.fromkeys(("event_id", "reason", "since", "until"))
    return {row["reason"]: row["number"] for row in services.store.rows(queries("quarantined")["count"], everything)}
