"""Say what an alert is about: in one sentence, where, and since when. Pure.

Everything is told from the alert's figures and ids. What a caller said or who it was is told where Facts has it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from shared.alerting.rule_faults import RESERVED_NAME
from workers.delivery.facts import Facts

LONGEST_ID = 200
LONGEST_TEXT = 300
TEST = RESERVED_NAME

# By the kind of the rule: with the figures of alerts.detail, and without where one is missing.
_SENTENCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "negative_sentiment": (
            "A caller sounds upset: a message is negative with a confidence of {confidence}.",
            "A caller sounds upset.",
        ),
        "hang": ("The assistant hangs: it does not speak.", "The assistant hangs: it does not speak."),
        "stt_confidence": (
            "The transcription is hardly to be trusted: a mean confidence of {confidence} over {messages} messages.",
            "The transcription is hardly to be trusted.",
        ),
        "dead_air": (
            "What a caller said has had no reply for {silent_seconds}.",
            "What a caller said has had no reply for too long.",
        ),
        "endless_call": (
            "A call has gone on for {seconds}, or its end was never told.",
            "A call goes on for too long, or its end was never told.",
        ),
        "call_cost": ("A call cost {cost}, more than {threshold}.", "A call cost too much."),
        "hang_rate": (
            "The assistant hung in {rate} of {calls} calls within {window_seconds}.",
            "The assistant hangs in too many calls.",
        ),
        "error_rate": (
            "There were {errors} errors of {source} within {window_seconds}: {rate} of the turns.",
            "There are too many errors of {source}.",
        ),
        "turn_latency": (
            "The turn latency's percentile {percentile} is {latency_ms} within {window_seconds}.",
            "The turns take too long.",
        ),
        "interruption_rate": (
            "Of {replies} replies within {window_seconds} {rate} were interrupted.",
            "Too many replies are interrupted.",
        ),
        "feed_silence": ("No event has come for {silent_seconds}.", "No event has come for too long."),
        TEST: ("This is a test: notices of alerts arrive.", "This is a test: notices of alerts arrive."),
    }
)


def summarize(facts: Facts) -> str:
    """Say in one sentence what happened; in further ones of which assistant, and that it is over, where that is so."""
    return " ".join(filter(None, (happening(facts), further(facts))))


def happening(facts: Facts) -> str:
    """Say in one sentence what happened."""
    if _kind(facts) not in _SENTENCES:
        return f"The rule {printable(facts.rule)} applies."
    with_figures, without = _SENTENCES[_kind(facts)]
    figures = {**_figures(facts.detail), "source": _source(facts)}
    try:
        return with_figures.format_map(figures)
    except KeyError:
        return without.format_map(figures)


def further(facts: Facts) -> str:
    """Say what there is to say beyond what happened; often nothing."""
    return " ".join(filter(None, (_about(facts), _end(facts))))


def headline(facts: Facts) -> str:
    """Say on one line how grave it is, by which rule, and what happened."""
    state = f"{facts.severity}, resolved" if facts.what == "resolved" else facts.severity
    return f"[{state}] {printable(facts.rule)}: {happening(facts)}"


def lines(facts: Facts) -> list[tuple[str, str]]:
    """List what is known beside the summary, each with its label."""
    known = {
        "Severity": facts.severity,
        "Rule": printable(facts.rule),
        "Assistant": printable(facts.assistant),
        "Call": printable(facts.call_id),
        "Message": printable(facts.message_id),
        "Since": told_time(facts.began_at),
        "Over since": told_time(facts.resolved_at) if facts.resolved_at else "",
        "Caller": printable(facts.personal.caller_number or ""),
        "Said": printable(facts.personal.message_text or "", LONGEST_TEXT),
        "Alert": facts.alert_id,
    }
    return [(label, text) for label, text in known.items() if text]


def link(facts: Facts, console_url: str | None) -> str | None:
    """Say where the console shows what the alert is about; None where nobody told where the console is."""
    if not console_url:
        return None
    base = console_url.rstrip("/")
    if not facts.call_id:
        return f"{base}/alerts"
    message_id = quote(facts.message_id, safe="")
    # A long conversation is on several pages: `turn` asks for the right one.
    place = f"?turn={message_id}#message-{message_id}" if message_id else ""
    return f"{base}/calls/{quote(facts.call_id, safe='')}{place}"


def told_time(moment: datetime) -> str:
    """Write a time as a person reads it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def printable(text: str, longest: int = LONGEST_ID) -> str:
    """Write a text that came from outside on one line, and cut it where it is long."""
    whole = "".join(character if character.isprintable() else " " for character in text)
    return whole if len(whole) <= longest else f"{whole[:longest]}..."


def _kind(facts: Facts) -> str:
    return str(facts.detail.get("kind", facts.rule))


def _source(facts: Facts) -> str:
    error_type = facts.detail.get("error_type")
    of = f" ({printable(error_type)})" if isinstance(error_type, str) else ""
    return f"{printable(facts.subject) or 'a provider'}{of}"


def _about(facts: Facts) -> str:
    is_told = _kind(facts) == "turn_latency" and facts.subject
    return f"It is about the assistant {printable(facts.subject)}." if is_told else ""


def _end(facts: Facts) -> str:
    # A test has no end, and costs are known only when there is nothing left to end.
    if facts.resolved_at is None or facts.rule == TEST or _kind(facts) == "call_cost":
        return ""
    why = ": the call has ended" if facts.is_call_over else ""
    return f"It is over since {told_time(facts.resolved_at)}{why}."


def _figures(detail: Mapping[str, Any]) -> dict[str, str]:
    return {name: _figure(name, value) for name, value in detail.items() if isinstance(value, int | float | str)}


def _figure(name: str, value: float | str) -> str:
    if isinstance(value, str):
        return printable(value)
    if name.endswith("_ms"):
        return f"{value:,.0f} ms"
    if name.endswith("seconds"):
        return _span(value)
    if name in ("rate", "confidence"):
        return f"{value * 100:.3g} %"
    if name == "percentile":
        return f"{value * 100:g}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
