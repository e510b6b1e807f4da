"""Receive one webhook: check the sender, take the body, decide where it goes, keep it, answer."""

import time
from dataclasses import dataclass, replace

from ingest.deliveries import EMPTY, Delivery, Refusal, Request, take_delivery
from ingest.keeping import Keeper, Kept
from ingest.spool_file import SpoolUnavailable
from shared.known_secrets import KnownSecrets
from shared.publisher import IncomingEvent
from shared.routing import Rules, route
from shared.settings import Settings

SECRET_HEADER = "HTTP_X_INTERACTLY_SECRET"  # noqa: S105 - its name, as WSGI spells it

# The sender should hear of these, although they are kept in quarantine like the others.
ERRORS = {
    "not_json": (415, "the Content-Type is not JSON"),
    "malformed_json": (400, "the body is not JSON"),
    "truncated": (400, "truncated: the body is shorter than its Content-Length"),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sender is told, and what the log tells beyond it.

    `outcome` is one of queued, duplicate, spooled, quarantined, refused, failed; `reason` says in one word why it
    is none of the first three. `is_unread` tells that the sender may still be sending the body.
    """

    code: int
    outcome: str
    reason: str = ""
    error: str = ""
    event_id: str = ""
    event_type: str = ""
    size: int = 0
    is_unread: bool = False

    @property
    def content(self) -> dict[str, str]:
        """The JSON of the answer."""
        if not self.error:
            return {"event_id": self.event_id, "status": self.outcome}
        return {"error": self.error, "event_id": self.event_id} if self.event_id else {"error": self.error}


STRANGER = Reply(401, "refused", "stranger", "the secret is missing or wrong")
UNAVAILABLE = Reply(503, "failed", "unavailable", "the event cannot be kept now; send it again")


class Webhook:
    """The way of a webhook, wired once and shared by all threads."""

    def __init__(self, settings: Settings, keeper: Keeper) -> None:
        """Raises SettingsError if there is no usable secret."""
        self._secrets = KnownSecrets("WEBHOOK_SECRETS", settings.webhook_secrets)
        self._rules = Rules.of(settings)
        self._max_body_bytes = settings.max_body_bytes
        self._publish_seconds = settings.publish_seconds
        self._keeper = keeper

    def receive(self, request: Request) -> Reply:
        """Answer one request (a WSGI environment); what is answered with an `event_id` is durable."""
        deadline = time.monotonic() + self._publish_seconds
        if not self._secrets.admits(request.get(SECRET_HEADER)):
            return STRANGER
        delivery = take_delivery(request, self._max_body_bytes)
        return _refuse(delivery) if isinstance(delivery, Refusal) else self._keep(delivery, deadline)

    def _keep(self, delivery: Delivery, deadline: float) -> Reply:
        event = route(delivery.body, self._rules, time.time_ns() // 1_000_000, delivery.fault)
        try:
            reply = _reply_to(event, self._keeper.keep(event, deadline))
        except SpoolUnavailable as error:
            reply = replace(UNAVAILABLE, event_type=event.event_type, reason=f"spool:{error}")
        return replace(reply, size=len(delivery.body))


def _refuse(refusal: Refusal) -> Reply:
    return Reply(refusal.code, "refused", refusal.reason, refusal.error, is_unread=refusal is not EMPTY)


def _reply_to(event: IncomingEvent, kept: Kept) -> Reply:
    if event.reason in ERRORS:
        code, error = ERRORS[event.reason]
        return Reply(code, "refused", event.reason, error, event.event_id)
    outcome = "quarantined" if event.reason else kept
    return Reply(202, outcome, event.reason, event_id=event.event_id, event_type=event.event_type)
