"""A sample call, one webhook body per file, with invented people; and a second one to send by hand."""

from pathlib import Path

FOLDER = Path(__file__).parent
SECOND_CALL = FOLDER / "second-call.json"


def first_call() -> list[Path]:
    """List the events of the sample call in the order in which a platform would send them."""
    return sorted(FOLDER.glob("first-call-*.json"))
