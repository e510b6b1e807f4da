"""Values in the words that people read: durations, moments, shares and addresses. Pure."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

NOT_TOLD = "–"
MS_PER_SECOND = 1000
MINUTE, HOUR, DAY = 60, 3600, 86_400
# Clocks of the platform and of this machine differ a little.
CLOCK_SECONDS = 5
DAYS_IN_WORDS = 30
LONGEST_ID = 48
ID_END = 6
MINUTE_FIELD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def duration(milliseconds: float | None) -> str:
    """Write a duration: "353 ms", "2.4 s", "3 min 20 s", "1 h 05 min"."""
    if milliseconds is None:
        return NOT_TOLD
    sign, size = ("−" if milliseconds < 0 else ""), abs(milliseconds)
    if round(size) < MS_PER_SECOND:
        return f"{sign if round(size) else ''}{round(size)} ms"
    whole = size / MS_PER_SECOND
    return sign + (f"{whole:.1f} s" if round(whole, 1) < MINUTE else _long(round(whole)))


def lasted(milliseconds: float | None) -> str:
    """Write how long a call lasts, in whole seconds: "34 s", "3 min 20 s"."""
    if milliseconds is None:
        return NOT_TOLD
    whole = round(max(0.0, milliseconds) / MS_PER_SECOND)
    return _long(whole) if whole >= MINUTE else f"{whole} s"


def seconds(milliseconds: float | None) -> str:
    """Write a duration in seconds, also a short one, so that totals compare: "0.4 s"."""
    if milliseconds is None or abs(milliseconds) >= MS_PER_SECOND:
        return duration(milliseconds)
    return f"{'−' if milliseconds < 0 else ''}{abs(milliseconds) / MS_PER_SECOND:.1f} s"


def ago(moment: datetime | None, now: datetime) -> str:
    """Write how long ago something was, or its day when that is long: "12 s ago", "3 h ago", "5 Mar 2026"."""
    if moment is None or moment.year <= 1970:  # noqa: PLR2004 - stands for a time that was never told
        return "time not told"
    past = (now - moment).total_seconds()
    if past >= DAYS_IN_WORDS * DAY or past <= -DAY:
        return day(moment)
    if abs(past) < CLOCK_SECONDS:
        return "just now"
    return f"{_coarse(past)} ago" if past > 0 else f"in {_coarse(-past)}"


def day(moment: datetime) -> str:
    """Write a day: "5 Mar 2026"."""
    return f"{moment.astimezone(UTC):%-d %b %Y}"


def coarse(moment: datetime, now: datetime) -> str:
    """Write a moment by its time where it was today, else by its day: "09:21 UTC", "5 Mar 2026"."""
    is_today = moment.astimezone(UTC).date() == now.astimezone(UTC).date()
    return f"{moment.astimezone(UTC):%H:%M} UTC" if is_today else day(moment)


def deadline(moment: datetime, now: datetime) -> str:
    """Write a moment to the minute: "09:21 UTC" where it is today, else "6 Mar 2026, 09:21 UTC"."""
    time = f"{moment.astimezone(UTC):%H:%M} UTC"
    return time if coarse(moment, now) == time else f"{day(moment)}, {time}"


def clock(moment: datetime | None) -> str:
    """Write the time of day in UTC: "09:21:20"."""
    return f"{moment.astimezone(UTC):%H:%M:%S}" if moment else NOT_TOLD


def exact(moment: datetime | None) -> str:
    """Write a moment to the millisecond: "2026-03-05 09:21:20.277 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03} UTC" if moment else NOT_TOLD


def minute(moment: datetime | None) -> str:
    """Write a moment as a form's field of date and time takes it, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}" if moment else ""


def is_minute(written: str) -> bool:
    """Tell whether a form's field of date and time takes a text."""
    return MINUTE_FIELD.fullmatch(written) is not None


def offset(moment: datetime | None, began_at: datetime) -> str:
    """Write how far into a call something was: "0:14", "1:02:03"."""
    if moment is None:
        return NOT_TOLD
    whole = int((moment - began_at) / timedelta(seconds=1))
    sign, size = ("−" if whole < 0 else ""), abs(whole)
    hours, rest = divmod(size, HOUR)
    clock_hours = f"{hours}:{rest // MINUTE:02}" if hours else f"{rest // MINUTE}"
    return f"{sign}{clock_hours}:{rest % MINUTE:02}"


def percent(share: float | None) -> str:
    """Write a share: "74 %"."""
    return NOT_TOLD if share is None else f"{share * 100:.0f} %"


def money(amount: float | None) -> str:
    """Write an amount to the hundredth of a cent, so that amounts below each other compare: "0.3100", "0.0042"."""
    return NOT_TOLD if amount is None else f"{amount:,.4f}"


def count(number: float | None) -> str:
    """Write a number of things: "12,345"."""
    return NOT_TOLD if number is None else f"{number:,.0f}"


def shortened(text: str, length: int = LONGEST_ID) -> str:
    """Cut a text that nobody reads to its end; line ends become spaces."""
    flat = " ".join(text[: length * 4].split())
    return flat if len(flat) <= length and len(text) <= length * 4 else f"{flat[: length - 1]}…"


def id_end(text: str) -> str:
    """Write the end of an id, by which two are told apart: "…b3f2a1"."""
    return f"…{text[-ID_END:]}" if len(text) > ID_END else text


def quoted(text: str) -> str:
    """Write a text so that it can be part of an address; ids come from outside and may hold anything."""
    return quote(text, safe="")


def call_path(call_id: str) -> str:
    """Write the address of a call's page."""
    return f"/calls/{quoted(call_id)}"


def about_path(call_id: str, message_id: str | None) -> str:
    """Write the address of a place in a call: of a message, where one is named."""
    place = f"?turn={quoted(message_id)}#message-{quoted(message_id)}" if message_id else ""
    return f"{call_path(call_id)}{place}"


def stream_path(call_id: str) -> str:
    """Write the address of a call's stream."""
    return f"/api/calls/{quoted(call_id)}/stream"


def words_of(name: str) -> str:
    """Write a name of the platform's as words: "llmVendorCost" is "llm vendor cost"."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced.replace("_", " ").strip()


def _long(whole: int) -> str:
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE:02} min"


def _coarse(seconds_long: float) -> str:
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds_long >= unit:
            return f"{int(seconds_long // unit)} {name}"
    return f"{int(seconds_long)} s"
