"""Stage `transcripts`: what was said.

Consumes every event that carries messages. Writes `messages`, `message_revisions`, the call's facts and figures in
`calls`, and the richest conversation-update in `snapshots`. Guarantees that a message is one row however often it is
repeated, worded as the newest snapshot words it, with each earlier wording kept; and that no event empties it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shared.database import Connection
from shared.events import WebhookEvent, read_message, replied_to, unnamed
from shared.fields import as_number, as_object, moment
from shared.queries import queries
from workers.absorption import Content, Merge, Reader, absorb
from workers.arrays import arrays, as_version_literal
from workers.calls import count_messages, fact_version, recount_messages, save_facts, save_snapshots
from workers.records import Version

STAGE = "transcripts"
# What it writes, but for what the pipeline keeps for itself.
TABLES = ("messages", "message_revisions", "calls")
# Of the other events the lifecycle stage keeps the call's facts and the body.
CONVERSATION = "conversation-update"


class MessagesTable:
    """The rows of `messages`."""

    topic = "messages"
    key_names = ("call_id", "message_id")
    column_names = ("role", "text", "spoken_at", "confidence", "reply_to")

    def to_columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Add whom the message answers, which its id tells."""
        return {**values, "reply_to": replied_to(values["message_id"], values.get("role"))}

    def to_cells(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out what is not said but derived."""
        return {name: columns[name] for name in ("role", "text", "spoken_at", "confidence")}


def process(connection: Connection, events: Sequence[WebhookEvent]) -> Mapping[str, int]:
    """Store the conversations of a batch; returns how many rows each event made new or changed."""
    absorbed = absorb(connection, STAGE, events, MessagesTable(), Reader(read_content))
    merges = absorbed.merges
    _save_revisions(connection, [merge for merge in merges if _is_reworded(merge)])
    updates = [
        (event, fact_version(event, version.newest_at), version)
        for event, version in absorbed.versions
        if event.event_type == CONVERSATION
    ]
    added = _added(merges)
    # A report or a hang may bring the first messages of a call of which nothing else is known yet.
    save_facts(connection, [(event, facts) for event, facts, _ in updates], touched=added)
    if any(event.is_retold for event in events):
        recount_messages(connection, added)
    else:
        count_messages(connection, added)
    save_snapshots(connection, [(event, version) for event, _, version in updates])
    return absorbed.written


def read_content(raw: msgspec.Raw) -> Content:
    """Read what a message says, as the columns of its row."""
    message = read_message(raw)
    values = {
        "role": message.role,
        # An empty text says nothing: the earlier one stands.
        "text": message.text or None,
        "spoken_at": moment(message.timestamp),
        "confidence": _confidence(message.metrics),
    }
    said = any(value is not None for value in values.values())
    message_id = message.message_id or unnamed(raw)
    return Content(message.timestamp, {(message_id,): values} if said or message.message_id else {})


def wordings(merge: Merge, earlier: Mapping[str, Version]) -> list[tuple[str, Version]]:
    """List a message's earlier wordings, oldest first, each with the version of the newest snapshot that had it."""
    newest = dict(earlier)
    for cells in merge.said:
        if text := cells.get("text"):
            newest[text.value] = max(text.version, newest.get(text.value, text.version))
    newest.pop(merge.cells["text"].value, None)
    return sorted(newest.items(), key=lambda wording: (wording[1], wording[0]))


def _confidence(metrics: Mapping[str, Any]) -> float | None:
    confidence = as_number(as_object(metrics.get("stt")).get("confidence"))
    return None if confidence is None else float(confidence)


def _is_reworded(merge: Merge) -> bool:
    texts = {cells["text"].value for cells in (*merge.said, merge.given_way) if "text" in cells}
    return len(texts) > 1 and "text" in merge.cells


def _added(merges: Sequence[Merge]) -> dict[str, int]:
    changed = {merge.key[0]: 0 for merge in merges if merge.is_changed}
    return changed | Counter(merge.key[0] for merge in merges if merge.is_new)


def _save_revisions(connection: Connection, reworded: Sequence[Merge]) -> None:
    if not reworded:
        return
    keys = [dict(zip(MessagesTable.key_names, merge.key, strict=True)) for merge in reworded]
    wanted = arrays(MessagesTable.key_names, keys)
    earlier: dict[tuple[str, str], dict[str, Version]] = {}
    for row in connection.execute(queries("messages")["load_revisions"], wanted):
        earlier.setdefault((row["call_id"], row["message_id"]), {})[row["text"]] = Version(*row["version"])
    rows = [row for merge in reworded for row in _revision_rows(merge, earlier.get((merge.key[0], merge.key[1]), {}))]
    connection.execute(queries("messages")["drop_revisions"], wanted)
    names = ("call_id", "message_id", "revision", "text", "replaced_at", "version")
    connection.execute(queries("messages")["save_revisions"], arrays(names, rows))
    counts = Counter((row["call_id"], row["message_id"]) for row in rows)
    numbered = [{**key, "revision": counts[key["call_id"], key["message_id"]] + 1} for key in keys]
    connection.execute(
        queries("messages")["number_revisions"], arrays((*MessagesTable.key_names, "revision"), numbered)
    )


def _revision_rows(merge: Merge, earlier: Mapping[str, Version]) -> list[dict[str, Any]]:
    call_id, message_id = merge.key
    return [
        {
            "call_id": call_id,
            "message_id": message_id,
            "revision": number,
            "text": text,
            "replaced_at": moment(version.sent_at or None),
            "version": as_version_literal(version),
        }
        for number, (text, version) in enumerate(wordings(merge, earlier), start=1)
    ]
