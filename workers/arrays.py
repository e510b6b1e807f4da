"""Lay rows out as one array a column, the way they travel to PostgreSQL. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from shared.fields import without_nul
from workers.records import Version


def arrays(names: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Turn rows into columns; a row without a name has null there."""
    return {name: [row.get(name) for row in rows] for name in names}


def as_version_literal(version: Version) -> str:
    """Write a version for a bigint[] column; arrays of arrays cannot be unnested row by row."""
    return f"{{{version.newest_at},{version.message_count},{version.sent_at},{version.tiebreak}}}"


def as_json_literal(value: Any) -> str | None:
    """Write a value for a jsonb column; nothing stays null."""
    return msgspec.json.encode(without_nul(value)).decode() if value else None
