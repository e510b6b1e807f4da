"""The sample call of the first run: posted like any other, and shown as the rows that come of it."""

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import msgspec
import psycopg
from rich.console import Console
from rich.table import Table
from rich.text import Text

from earshot.errors import EarshotError
from earshot.moving import moved
from earshot.posting import Poster
from earshot.samples import first_call

WIDTH = 100
CALL_ID = "WC-7d1f4c20-58ab-4e39-9c67-2b0f8a6e1d35"
EXPECTED = {"calls": 1, "call_statuses": 3, "messages": 8, "message_metrics": 8, "interruptions": 2, "sentiments": 4}

COUNT_ROWS = """
select 'calls', count(*) from calls where call_id = %(call_id)s and summary is not null
union all select 'call_statuses', count(*) from call_statuses where call_id = %(call_id)s
union all select 'messages', count(*) from messages where call_id = %(call_id)s
union all select 'message_metrics', count(*) from message_metrics where call_id = %(call_id)s
union all select 'interruptions', count(*) from interruptions where call_id = %(call_id)s
union all select 'sentiments', count(*) from sentiments where call_id = %(call_id)s
"""
READ_TRANSCRIPT = """
select said.role, said.text, turn.turn_latency_ms, turn.eou_ms, turn.llm_ms, turn.tts_ms,
    turn.eou_queue_ms + turn.llm_queue_ms + turn.tts_queue_ms + turn.remainder_ms as rest_ms
from messages as said
left join turns as turn on turn.call_id = said.call_id and turn.turn_id = said.message_id
where said.call_id = %(call_id)s
order by said.spoken_at, said.message_id
"""

Transcript = Sequence[tuple[str, str, *tuple[float | None, ...]]]


def post_first_call(url: str, secret: str) -> int:
    """Post the sample call's events as if it ended now, and tell how many.

    Raises EarshotError when one is not accepted.
    """
    poster = Poster(url, secret)
    events = first_call()
    bodies = [msgspec.json.decode(event.read_bytes()) for event in events]
    later = timedelta(milliseconds=time.time_ns() // 1_000_000 - bodies[-1]["message"]["timestamp"])
    for event, body in zip(events, bodies, strict=True):
        answer = poster.post(msgspec.json.encode(moved(body, later)))
        if not answer.is_accepted:
            raise EarshotError(f"The sample {event.name} was refused: {answer.code} {answer.outcome}")
    poster.close()
    return len(events)


class ArrivedRows:
    """Looks at what has come of the sample call in PostgreSQL."""

    def __init__(self, database_url: str) -> None:
        with _told():
            self._session = psycopg.connect(database_url, autocommit=True)
        self._call = {"call_id": CALL_ID}
        self.counts: dict[str, int] = {}

    def are_complete(self) -> bool:
        """Count the rows, and tell whether every table has what the sample call ends in."""
        with _told():
            self.counts = dict(self._session.execute(COUNT_ROWS, self._call).fetchall())
        return all(self.counts[table] >= rows for table, rows in EXPECTED.items())

    def transcript(self) -> Transcript:
        """Read who said what and, for a caller's turn, the milliseconds to the reply with their parts."""
        with _told():
            return self._session.execute(READ_TRANSCRIPT, self._call).fetchall()

    def close(self) -> None:
        self._session.close()


def render_arrived(counts: dict[str, int], transcript: Transcript, *, colour: bool) -> str:
    """Draw the rows that arrived as two tables, in plain text of at most 100 columns."""
    drawn = io.StringIO()
    console = Console(file=drawn, width=WIDTH, force_terminal=colour, no_color=not colour, highlight=False)
    console.print(_counts_table(counts))
    console.print(_transcript_table(transcript))
    return "".join(f"{line.rstrip()}\n" for line in drawn.getvalue().splitlines())


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise EarshotError(f"The sample call's rows cannot be read: {type(error).__name__}") from error


def _counts_table(counts: dict[str, int]) -> Table:
    table = Table(*counts, title="Rows in PostgreSQL", title_justify="left", box=None)
    table.add_row(*(str(count) for count in counts.values()))
    return table


def _transcript_table(transcript: Transcript) -> Table:
    table = Table("who", "said", title="\nThe call, and each reply's latency in ms", title_justify="left", box=None)
    for part in ("reply after", "= EOU", "+ LLM", "+ TTS", "+ rest"):
        table.add_column(part, justify="right", no_wrap=True)
    for role, text, *latencies in transcript:
        table.add_row(role, Text(text or ""), *("" if latency is None else f"{latency:.0f}" for latency in latencies))
    return table
