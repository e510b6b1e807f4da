"""Whole listings as CSV or NDJSON, streamed page by page: no long transaction, and no more than a page in memory."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask import Response

from console.api.operations import Listing, ListingQuery, PathValues, Place, Row, read_cursor
from console.services import Services

ROWS_AT_ONCE = 1000
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
# A spreadsheet would take a cell that begins so for a formula and run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Pages = Iterator[Sequence[Row]]


def export(listing: Listing, services: Services, path: PathValues, query: ListingQuery) -> Response:
    """Answer with all rows that a query asks for. Raises what the first page raises; later faults cut it off."""
    start = read_cursor(listing, query.cursor)
    first = listing.read(services, path, query, start, ROWS_AT_ONCE)
    pages = _pages(lambda place: listing.read(services, path, query, place, ROWS_AT_ONCE), listing.place_of, first)
    lines = _csv_lines(listing.row, pages) if query.format == "csv" else _json_lines(pages)
    response = Response(lines, content_type=CONTENT_TYPES[query.format])
    response.headers["Content-Disposition"] = f'attachment; filename="{listing.noun}.{query.format}"'
    return response


def _pages(read: Callable[[Place], Sequence[Row]], place_of: Callable[[Any], Place], page: Sequence[Row]) -> Pages:
    while page:
        yield page
        page = read(place_of(page[-1])) if len(page) == ROWS_AT_ONCE else ()


def _json_lines(pages: Pages) -> Iterator[bytes]:
    for page in pages:
        yield b"".join(row.model_dump_json().encode() + b"\n" for row in page)


def _csv_lines(kind: type[Row], pages: Pages) -> Iterator[bytes]:
    names = list(kind.model_fields)
    yield _csv_text([names])
    for page in pages:
        yield _csv_text([_cells(row, names) for row in page])


def _cells(row: Row, names: Sequence[str]) -> list[str]:
    values = row.model_dump(mode="json")
    return [_cell(values[name]) for name in names]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return json.dumps(value, ensure_ascii=False)


def _csv_text(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
