"""A notice for an incoming webhook of Slack, or of whoever takes the same. Pure.

`<` opens links and mentions there, so no text from outside can call a whole channel.
"""

from typing import Any

import msgspec

from workers.delivery.facts import Facts
from workers.delivery.posting import Post
from workers.delivery.wording import further, headline, lines, link

_IN_TITLE = ("Severity", "Rule")


def slack_post(facts: Facts, url: str, console_url: str | None) -> Post:
    """Write what is posted: blocks, and a text for where they cannot be shown."""
    body = msgspec.json.encode(_content(facts, console_url))
    return Post(url, {"Content-Type": "application/json"}, body)


def _content(facts: Facts, console_url: str | None) -> dict[str, Any]:
    title = _escaped(headline(facts))
    known = "\n".join(_escaped(f"{label}: {text}") for label, text in lines(facts) if label not in _IN_TITLE)
    place = link(facts, console_url)
    parts = [title, _escaped(further(facts)), known, f"<{_escaped(place)}|See it in the console>" if place else ""]
    return {
        "text": f"{title} {_escaped(place)}" if place else title,
        "blocks": [_section(part) for part in parts if part],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _section(text: str) -> dict[str, Any]:
    # Verbatim: what looks like the name of a channel or a person is no mention.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
