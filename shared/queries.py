"""Named SQL: each `-- name: verb_noun` in shared/sql/queries/<topic>.sql opens a statement."""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(topic: str) -> dict[str, str]:
    """Read the statements of a topic, by name."""
    text = files("shared").joinpath(f"sql/queries/{topic}.sql").read_text()
    _, *parts = _NAME.split(text)
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))
