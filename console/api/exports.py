"""Whole listings as CSV or NDJSON, streamed page by page: no long transaction, and no more than a page in memory.

A server cannot take back what it has begun to answer, and ours ends a broken answer as if it were whole. So an export
that breaks ends with half a line that says so, and that no reader takes: an open quote in CSV, an open object in JSON.
"""

import csv
import io
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask import Response

from console.api.cursors import Place
from console.api.operations import Listing, ListingQuery, PathValues, Row, read_cursor
from console.services import Services
from shared.errors import RetryLater
from shared.logs import log

ROWS_AT_ONCE = 1000
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
# A spreadsheet would take a cell that begins so for a formula and run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BROKEN = {
    "csv": b'"this export is not complete: something went wrong on the way',
    "ndjson": b'{"error": "this export is not complete: something went wrong on the way"',
}

Pages = Iterator[Sequence[Row]]


def export(listing: Listing, services: Services, path: PathValues, query: ListingQuery) -> Response:
    """Answer with all rows that a query asks for. Raises what reading the first page raises, and nothing later."""
    start = read_cursor(listing, query.cursor)
    first = listing.read(services, path, query, start, ROWS_AT_ONCE)
    pages = _pages(lambda place: listing.read(services, path, query, place, ROWS_AT_ONCE), listing.place_of, first)
    lines = _csv_lines(listing.row, pages) if query.format == "csv" else _json_lines(pages)
    response = Response(_told_if_broken(lines, listing, query), content_type=CONTENT_TYPES[query.format])
    response.headers["Content-Disposition"] = f'attachment; filename="{listing.noun}.{query.format}"'
    return response


def _pages(read: Callable[[Place], Sequence[Row]], place_of: Callable[[Any], Place], page: Sequence[Row]) -> Pages:
    while page:
        yield page
        page = read(place_of(page[-1])) if len(page) == ROWS_AT_ONCE else ()


def _told_if_broken(lines: Iterator[bytes], listing: Listing, query: ListingQuery) -> Iterator[bytes]:
    try:
        yield from lines
    except Exception as error:  # noqa: BLE001 - whatever it was, the answer must not look whole
        level = logging.WARNING if isinstance(error, RetryLater) else logging.ERROR
        log(level, "console.export_broken", rule=listing.path, exception=type(error).__name__)
        yield _BROKEN[query.format]


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
