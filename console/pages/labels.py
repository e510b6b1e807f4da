"""What is wrong with a filter, in the words that stand beside its field. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import ValidationError

LABELS: Mapping[str, str] = {
    "search": "Words said, or the id of a call",
    "assistant_id": "Assistant",
    "team_id": "Team",
    "llm_model": "Model",
    "status": "Status",
    "since": "Began from (UTC)",
    "until": "Began before (UTC)",
    "has_interruptions": "Interrupted",
    "slow": "Slow",
    "alerts": "With alerts",
    "rule": "Rule",
    "severity": "Severity",
    "state": "State",
    "call_id": "Id of a call",
    "by": "Group by",
    "range": "Time",
    "cursor": "The place in the list",
}
NO_MOMENT = "is no time such as 2026-11-23T14:00"
_FAULTS = {
    "missing": "must be told",
    "extra_forbidden": "is no filter of this page",
    "bool_parsing": "is neither true nor false",
}
_LONGEST_SHOWN = 40


def label_of(name: str) -> str:
    """Name a filter as its field does; one that has no field keeps its own name."""
    return LABELS.get(name, name)


def is_no(name: str, written: str, what: str) -> str:
    """Say what a filter is not, with what was written: "Time: “forever” is none of 24h, 7d, 30d"."""
    shown = written if len(written) <= _LONGEST_SHOWN else f"{written[:_LONGEST_SHOWN]}…"
    return f"{label_of(name)}: “{shown}” {what}"


def describe_filters(error: ValidationError) -> str:
    """Say of each wrong filter what is wrong."""
    return "; ".join(
        f"{label_of('.'.join(map(str, fault['loc'])))}: {_words_of(fault['type'], fault['msg'])}"
        for fault in error.errors(include_input=False, include_url=False)
    )


def moment_of(written: str) -> datetime | None:
    """Read a moment as a field or an address has it, in UTC where no zone is told; None where it is none."""
    try:
        moment = datetime.fromisoformat(written)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _words_of(fault: str, message: str) -> str:
    return _FAULTS.get(fault, message.removeprefix("Value error, "))
