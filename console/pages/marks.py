"""What a list of calls marks in each: that a turn was slow, that the assistant was cut short, that there are alerts."""

from collections.abc import Iterable, Mapping

from console.api.operations import Row
from console.services import Services
from shared.queries import queries


class Marks(Row):
    """Of one call; `slowest_turn_ms` is None where no turn was measured, or not yet."""

    call_id: str
    slowest_turn_ms: float | None
    is_interrupted: bool
    alerts: int = 0
    open_alerts: int = 0


def read_marks(services: Services, call_ids: Iterable[str]) -> Mapping[str, Marks]:
    """Read the marks of calls, by call_id."""
    rows = services.store.rows(queries("console_pages")["list_marks"], {"call_ids": list(call_ids)})
    return {row["call_id"]: Marks.model_validate(row) for row in rows}
