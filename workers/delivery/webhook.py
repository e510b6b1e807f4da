"""A notice for the receiver of a webhook: JSON, signed as Standard Webhooks has it. Pure."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook

from workers.delivery.facts import Facts, Personal
from workers.delivery.posting import Post
from workers.delivery.wording import LONGEST_TEXT, link, printable, summarize


def webhook_post(facts: Facts, url: str, secret: str, console_url: str | None, now: datetime) -> Post:
    """Write what is posted: the same notice has the same `webhook-id`, however often it is sent."""
    body = msgspec.json.encode(_content(facts, console_url))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": facts.delivery_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(facts.delivery_id, now.astimezone(UTC), body.decode()),
    }
    return Post(url, headers, body)


def _content(facts: Facts, console_url: str | None) -> dict[str, Any]:
    return {
        "type": f"alert.{facts.what}",
        "timestamp": facts.happened_at.astimezone(UTC),
        "data": {
            "alert_id": facts.alert_id,
            "rule": facts.rule,
            "severity": facts.severity,
            "summary": summarize(facts),
            "call_id": facts.call_id or None,
            "message_id": facts.message_id or None,
            "subject": facts.subject or None,
            "began_at": facts.began_at.astimezone(UTC),
            "raised_at": facts.raised_at.astimezone(UTC),
            "resolved_at": facts.resolved_at and facts.resolved_at.astimezone(UTC),
            "detail": facts.detail,
            "console_url": link(facts, console_url),
            **_personal(facts.personal),
        },
    }


def _personal(personal: Personal) -> dict[str, str]:
    known = {
        "message_text": printable(personal.message_text or "", LONGEST_TEXT),
        "caller_number": personal.caller_number,
    }
    return {name: text for name, text in known.items() if text}
