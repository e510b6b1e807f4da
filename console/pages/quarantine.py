"""The pages of quarantine: the deliveries that no stage could take, and the body of one of them as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from psycopg.rows import DictRow

from console.api.operations import read_rows
from console.api.quarantine import OPERATIONS, Quarantined, QuarantineQuery
from console.errors import Missing
from console.pages.calls import read_filters
from console.pages.formatting import words_of
from console.pages.stored_body import LARGEST_LAID_OUT, MOST_BYTES_SHOWN, make_readable
from console.services import Services
from shared.quarantined import QuarantinedBody
from shared.queries import queries
from shared.replay_work import route_by
from shared.stages import QUARANTINE

DELIVERIES_A_PAGE = "50"

(_LISTING,) = OPERATIONS


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """A page of the deliveries that pass the filters, and the reasons that there are, by name and in words."""

    asked: Mapping[str, str]
    query: QuarantineQuery
    deliveries: Sequence[Quarantined]
    following: str | None
    reasons: Mapping[str, str]

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
        asked = {"event_ids": known, "largest": LARGEST_LAID_OUT, "shown": MOST_BYTES_SHOWN}
        for row in services.store.rows(queries("quarantined")["look"], asked):
            body = make_readable(row["body"], row["size"])
            is_routable = may_be_routed(services, row)
            return render_template("quarantined.html", delivery=row, body=body, is_routable=is_routable)
        raise Missing("there is no delivery of that id in quarantine; it may have been replayed meanwhile")


def read_quarantine(services: Services, asked: Mapping[str, str]) -> QuarantinePage:
    """Read the deliveries that pass the filters. Raises ValidationError and Unprocessable."""
    query = QuarantineQuery.model_validate({"limit": DELIVERIES_A_PAGE, **asked})
    deliveries, following = read_rows(_LISTING, services, {}, query)
    reasons = {reason: words_of(reason) for reason in sorted(count_quarantined(services))}
    return QuarantinePage(asked, query, deliveries, following, reasons)


def may_be_routed(services: Services, row: DictRow) -> bool:
    """Tell whether a stage would take a delivery today; of one that was not read whole nobody knows."""
    if len(row["body"]) < row["size"]:
        return True
    kept = QuarantinedBody(row["event_id"], row["received_at"], row["reason"], row["body"])
    return QUARANTINE not in route_by(services.settings)(kept).stages


def count_quarantined(services: Services) -> Mapping[str, int]:
    """Count the deliveries in quarantine, by reason. Raises DatabaseUnavailable."""
    everything = dict.fromkeys(("event_id", "reason", "since", "until"))
    return {row["reason"]: row["number"] for row in services.store.rows(queries("quarantined")["count"], everything)}
