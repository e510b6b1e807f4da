"""Stage `sentiment`: what mood a caller is in.

Consumes conversation-update and the report at the end of a call. Writes `sentiments`. Guarantees one row for each user
message, scored in its newest wording; that no text is scored again, however often it is repeated; and that only another
wording, or another scorer, changes a score.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import xxhash

from shared.database import Connection
from shared.events import WebhookEvent, read_message, unnamed
from shared.fields import moment
from workers.absorption import Content, Reader, absorb
from workers.scoring import Scorer, score, scorer_in_use, title_of

STAGE = "sentiment"
# What it writes, but for what the pipeline keeps for itself.
TABLES = ("sentiments",)
USER = "user"

_MOOD = ("label", "score", "confidence", "scorer")


class SentimentsTable:
    """The rows of `sentiments`, for one batch. What is merged is which text counts; the mood derives from it.

    It remembers the texts and moods of the batch by their digests, so one is to be made for every batch.
    """

    topic = "sentiments"
    key_names = ("call_id", "message_id")
    column_names = (*_MOOD, "spoken_at", "text_digest")

    def __init__(self, scorer: Scorer) -> None:
        self._scorer, self._title = scorer, title_of(scorer)
        self._texts: dict[str, str] = {}
        self._moods: dict[str, Mapping[str, Any]] = {}

    def read_content(self, raw: msgspec.Raw) -> Content:
        """Read which text a user's message has; others have no row, nor has one without text."""
        message = read_message(raw)
        if message.role != USER or not message.text:
            return Content(message.timestamp, {})
        digest = xxhash.xxh3_128_hexdigest(message.text.encode())
        self._texts[digest] = message.text
        values = {"text_digest": digest, "spoken_at": moment(message.timestamp)}
        return Content(message.timestamp, {(message.message_id or unnamed(raw),): values})

    def to_columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Add the mood of the text: as it stands in the row, or else scored now."""
        return {**values, **self._mood_of(values["text_digest"])}

    def to_cells(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out the mood, but remember which text has it; that of the present scorer rather than another's."""
        digest, mood = columns["text_digest"], {name: columns[name] for name in _MOOD}
        if digest not in self._moods or mood["scorer"] == self._title:
            self._moods[digest] = mood
        return {name: columns[name] for name in ("text_digest", "spoken_at")}

    def _mood_of(self, digest: str) -> Mapping[str, Any]:
        known = self._moods.get(digest)
        # What another scorer said stands, where the text is not told again.
        if known is None or (known["scorer"] != self._title and digest in self._texts):
            mood = score(self._scorer, self._texts[digest])
            known = {"label": mood.label, "score": mood.score, "confidence": mood.confidence, "scorer": self._title}
            self._moods[digest] = known
        return known


def process(connection: Connection, events: Sequence[WebhookEvent]) -> Mapping[str, int]:
    """Store the moods of a batch; returns how many rows each event made new or changed."""
    table = SentimentsTable(scorer_in_use())
    return absorb(connection, STAGE, events, table, Reader(table.read_content)).written
