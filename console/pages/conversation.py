"""A call as it was lived: its messages, with who cut in on whom, what was never heard, and each reply's turn. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

from console.api.histories import Incident, Interruption
from console.api.messages import Message
from console.api.sentiments import Sentiment
from console.pages.formatting import duration
from console.pages.waterfall import MeasuredTurn, Waterfall, draw_turn

LOW_CONFIDENCE = 0.5
SKIPPED = "skipped"

Speaker = Literal["user", "assistant", "other"]
Answer = Literal["answered", "went on", "waiting", "unanswered"]

SPEAKERS: Mapping[str, tuple[Speaker, str]] = {"user": ("user", "Caller"), "assistant": ("assistant", "Assistant")}


class PlacedIncident(Incident):
    """What went wrong, and the message behind which it stands; None where it came before all."""

    behind_message_id: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the messages of a page beside themselves; `is_open` while the call goes on."""

    turns: Sequence[MeasuredTurn] = ()
    interruptions: Sequence[Interruption] = ()
    moods: Sequence[Sentiment] = ()
    incidents: Sequence[PlacedIncident] = ()
    slow_turn_ms: float = 3000
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Bubble:
    """Something that was said, or was to be: `message` is None for speech that is known only as skipped."""

    element_id: str
    speaker: Speaker
    name: str
    text: str | None
    spoken_at: datetime | None
    message: Message | None = None
    cut: str = ""
    cut_in: bool = False
    answer: Answer = "answered"
    waterfall: Waterfall | None = None
    mood: Sentiment | None = None
    incidents: Sequence[PlacedIncident] = ()

    @property
    def is_low(self) -> bool:
        """Whether the transcription is hardly to be trusted."""
        confidence = self.message.confidence if self.message else None
        return confidence is not None and confidence < LOW_CONFIDENCE


def converse(messages: Sequence[Message], facts: Facts) -> Sequence[Bubble]:
    """Put a page of a call together, in the order of `messages`."""
    cuts = _Cuts(messages, facts.interruptions)
    answers = _answers(messages, facts)
    moods = {mood.message_id: mood for mood in facts.moods}
    behind = _by_place(facts.incidents)
    waterfalls = {turn.reply_message_id: draw_turn(turn, facts.slow_turn_ms) for turn in facts.turns}
    bubbles: list[Bubble] = []
    for message in messages:
        bubbles += cuts.unheard_before(message)
        speaker, name = SPEAKERS.get(message.role or "", ("other", message.role or "Unknown speaker"))
        bubbles.append(
            Bubble(
                element_id=element_id(message.message_id),
                speaker=speaker,
                name=name,
                text=message.text,
                spoken_at=message.spoken_at,
                message=message,
                cut=cuts.words_of(message),
                cut_in=message.message_id in cuts.cutting_in,
                answer=answers.get(message.message_id, "answered"),
                waterfall=waterfalls.get(message.message_id),
                mood=moods.get(message.message_id),
                incidents=behind.get(message.message_id, ()),
            )
        )
    return bubbles


def element_id(message_id: str) -> str:
    """Name the element of a message: `#message-…` leads to it."""
    return f"message-{message_id}"


def _by_place(incidents: Sequence[PlacedIncident]) -> Mapping[str | None, Sequence[PlacedIncident]]:
    behind: dict[str | None, list[PlacedIncident]] = defaultdict(list)
    for incident in incidents:
        behind[incident.behind_message_id].append(incident)
    return behind


class _Cuts:
    """The interruptions, by the message that was cut short, and those whose words are on no message."""

    def __init__(self, messages: Sequence[Message], interruptions: Sequence[Interruption]) -> None:
        self._texts = {message.message_id: message.text for message in messages}
        self._cuts: dict[str, list[Interruption]] = defaultdict(list)
        self._unheard: dict[str, list[Interruption]] = defaultdict(list)
        self.cutting_in = {cut.message_id for cut in interruptions if cut.kind == SKIPPED}
        replies = {message.reply_to: message.message_id for message in reversed(messages) if message.reply_to}
        for cut in interruptions:
            self._sort(cut, replies)

    def words_of(self, message: Message) -> str:
        """Say how a message was cut short; empty where it was not."""
        cuts = self._cuts.get(message.message_id, ())
        heard = next((cut for cut in cuts if cut.played_ms is not None), None)
        if heard:
            whole = f" of {duration(heard.audio_ms)}" if heard.audio_ms is not None else ""
            return f"interrupted: {duration(heard.played_ms)}{whole} heard"
        return "interrupted: the caller spoke over it" if cuts else ""

    def unheard_before(self, message: Message) -> Sequence[Bubble]:
        """Give what was skipped when this message cut in, and stands in no message."""
        return [
            Bubble(
                element_id=f"skipped-{cut.ordinal}-{cut.message_id}",
                speaker="assistant",
                name="Assistant",
                text=cut.interrupted_text,
                spoken_at=None,
                cut="skipped: never heard by the caller",
            )
            for cut in self._unheard.get(message.message_id, ())
        ]

    def _sort(self, cut: Interruption, replies: Mapping[str, str]) -> None:
        of = cut.interrupted_message_id if cut.kind == SKIPPED else replies.get(cut.message_id)
        if of is not None:
            self._cuts[of].append(cut)
        if cut.kind == SKIPPED and cut.interrupted_text and self._texts.get(of or "") != cut.interrupted_text:
            self._unheard[cut.message_id].append(cut)


def _answers(messages: Sequence[Message], facts: Facts) -> Mapping[str, Answer]:
    """Say of each user's message without a reply whether that is to be minded."""
    unanswered = {turn.turn_id for turn in facts.turns if turn.reply_message_id is None}
    following = {message.message_id: after for message, after in pairwise(messages)}
    return {turn_id: _answer(following.get(turn_id), facts) for turn_id in unanswered}


def _answer(following: Message | None, facts: Facts) -> Answer:
    if following is not None and following.role == "user":
        return "went on"
    return "waiting" if following is None and facts.is_open else "unanswered"
