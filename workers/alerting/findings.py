"""What a rule finds: something that people are to be told of once, for as long as it lasts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import xxhash

from shared.alerting.rules import CallRule, FeedSilence, WindowRule

AnyRule = CallRule | WindowRule | FeedSilence
Detail = Mapping[str, str | float | int | None]

# A subject stands in an index beside other ids.
LONGEST_SUBJECT = 80


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule finds now.

    `thing` tells it apart from whatever else the rule finds in the call; `also_known_as` are those by which it may have
    been raised when less was told. `raises` is False of what only keeps an alert open that was raised before; `holds`
    is False of what is over already.
    """

    rule: AnyRule
    began_at: datetime
    detail: Detail
    call_id: str = ""
    thing: str = ""
    also_known_as: Sequence[str] = ()
    message_id: str = ""
    subject: str = ""
    raises: bool = True
    holds: bool = True


def alert_id_of(finding: Finding, episode: str = "") -> str:
    """Name the alert about what was found: always the same, but for an episode of what can begin anew."""
    named = (finding.rule.name, finding.call_id, finding.thing, finding.subject, episode)
    # No id has a line of its own length before it by chance: parts cannot run into each other.
    written = "".join(f"{len(part)}:{part}" for part in named)
    return xxhash.xxh3_128_hexdigest(written.encode(errors="surrogatepass"))


def alert_ids_of(finding: Finding) -> list[str]:
    """Name the alert about what was found in a call, and then those by which it may have been raised before."""
    return [alert_id_of(replace(finding, thing=thing)) for thing in (finding.thing, *finding.also_known_as)]
