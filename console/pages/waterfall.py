"""What the latency of a turn was made of, as a small drawing: a bar for each part, where the one before it ends. Pure.

The bars reach from the end of the transcription to audio ready. The player's wait runs beside the making of the audio
and ends with it, so it is drawn there and not added.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from console.api.turns import Turn
from console.pages.formatting import duration, seconds

# Less than this is no bar to look at; it is in the words of the drawing all the same.
SMALLEST_BAR_MS = 20
DOMINANT_SHARE = 0.6
DOMINANT_FROM_MS = 1000

BAR_LEFT, BAR_WIDTH, ROW_HEIGHT = 76, 110, 15


class MeasuredTurn(Turn):
    """A turn, with how long the player waited for the reply's audio."""

    player_wait_time_ms: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a turn: `kind` names its colour, `start_ms` is where the parts before it end."""

    name: str
    kind: str
    milliseconds: float
    start_ms: float

    @property
    def words(self) -> str:
        """The part with its length."""
        return f"{self.name} {duration(self.milliseconds)}"


@dataclass(frozen=True, slots=True)
class Bar:
    """A part as it is drawn, in pixels."""

    part: Part
    x: float
    width: float
    row: int

    @property
    def baseline(self) -> int:
        """Where its label stands."""
        return (self.row + 1) * ROW_HEIGHT - 4


@dataclass(frozen=True, slots=True)
class Scale:
    """The moments of a turn that its drawing reaches from and to."""

    first_ms: float
    last_ms: float

    def x(self, moment_ms: float) -> float:
        """Place a moment, in pixels."""
        return round(BAR_LEFT + BAR_WIDTH * (moment_ms - self.first_ms) / (self.last_ms - self.first_ms), 1)


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The parts of a turn that are known, and what to say of them; `limit_ms` is from when a turn is slow."""

    total_ms: float | None
    parts: Sequence[Part]
    player: Part | None
    limit_ms: float

    @property
    def is_slow(self) -> bool:
        """Whether the turn took as long as the setting calls slow."""
        return self.total_ms is not None and self.total_ms >= self.limit_ms

    @property
    def longest(self) -> Part | None:
        """The part that took longest."""
        return max(self.parts, key=lambda part: part.milliseconds, default=None)

    @property
    def verdict(self) -> str:
        """Name the part that made the turn slow, or is most of it: "slow: LLM 2.6 s"; empty where none stands out."""
        longest = self.longest
        if longest is None or self.total_ms is None:
            return ""
        if self.is_slow:
            return f"slow: {longest.words}"
        is_most = longest.milliseconds >= DOMINANT_SHARE * self.total_ms
        return f"mostly {longest.words}" if is_most and self.total_ms >= DOMINANT_FROM_MS else ""

    @property
    def words(self) -> str:
        """Say all of the drawing."""
        total = "Turn latency not measured" if self.total_ms is None else f"Turn latency {seconds(self.total_ms)}"
        told = ", ".join(part.words for part in self.parts) or "no part is known"
        beside = f"; beside them, {self.player.words}" if self.player else ""
        return f"{total}: {told}{beside}."

    @property
    def bars(self) -> Sequence[Bar]:
        """Place what is long enough to be seen."""
        shown = [part for part in self._all if abs(part.milliseconds) >= SMALLEST_BAR_MS or part is self.longest]
        scale = self._scale
        return [_bar(part, row, scale) for row, part in enumerate(shown)]

    @property
    def height(self) -> int:
        """The height of the drawing."""
        return max(1, len(self.bars)) * ROW_HEIGHT

    @property
    def limit_x(self) -> float:
        """Where the line stands that a slow turn crosses."""
        return self._scale.x(self.limit_ms)

    @property
    def _all(self) -> Sequence[Part]:
        return [*self.parts, self.player] if self.player else self.parts

    @property
    def _scale(self) -> Scale:
        starts = [part.start_ms for part in self._all]
        ends = [part.start_ms + part.milliseconds for part in self._all]
        return Scale(min(0.0, *starts, *ends), max(self.limit_ms, *ends))


def draw_turn(turn: MeasuredTurn, limit_ms: float) -> Waterfall | None:
    """Take a turn apart; None where nothing of it was measured."""
    parts = _in_a_row(
        [
            ("EOU", "eou", turn.eou_ms),
            ("EOU queue", "eou-queue", turn.eou_queue_ms),
            ("LLM queue", "llm-queue", turn.llm_queue_ms),
            ("LLM", "llm", turn.llm_ms),
            ("TTS queue", "tts-queue", turn.tts_queue_ms),
            ("TTS cached" if turn.tts_is_cache_playing else "TTS", "tts", turn.tts_ms),
            ("remainder", "remainder", turn.remainder_ms),
        ]
    )
    if not parts and turn.turn_latency_ms is None:
        return None
    return Waterfall(turn.turn_latency_ms, parts, _player(turn, parts), limit_ms)


def _in_a_row(parts: Sequence[tuple[str, str, float | None]]) -> Sequence[Part]:
    placed: list[Part] = []
    start_ms = 0.0
    for name, kind, milliseconds in parts:
        if milliseconds is not None:
            placed.append(Part(name, kind, milliseconds, start_ms))
            start_ms += milliseconds
    return placed


def _player(turn: MeasuredTurn, parts: Sequence[Part]) -> Part | None:
    wait_ms = turn.player_wait_time_ms
    if wait_ms is None or not parts:
        return None
    ready_ms = parts[-1].start_ms + parts[-1].milliseconds
    return Part("playout wait", "playout", wait_ms, ready_ms - wait_ms)


def _bar(part: Part, row: int, scale: Scale) -> Bar:
    left, right = sorted((scale.x(part.start_ms), scale.x(part.start_ms + part.milliseconds)))
    return Bar(part, left, round(max(1.0, right - left), 1), row)
