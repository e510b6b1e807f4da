"""What a scorer of moods is, and which one is in use: any importable object of this shape, named by a setting."""

from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol, cast, get_args, runtime_checkable

from shared.settings import Settings, SettingsError, load_settings

Label = Literal["positive", "neutral", "negative", "unknown"]
LABELS: tuple[Label, ...] = get_args(Label)

# A scorer may take much longer for longer texts: VADER takes 1.4 s for 20,000 characters, at most 10 ms for so many.
MOST_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class Mood:
    """What a scorer makes of a text: `score` from -1 to 1 and `confidence` from 0 to 1, both None for `unknown`."""

    label: Label
    score: float | None = None
    confidence: float | None = None


UNKNOWN = Mood("unknown")


@runtime_checkable
class Scorer(Protocol):
    """Tells the mood of what a caller said. One object serves all messages, one after the other.

    Whatever it raises fails the event at hand alone, which is tried again; `shared.errors.RetryLater` has the whole
    stage wait instead, and spends none of the event's attempts.
    """

    @property
    def name(self) -> str:
        """Say who scores; stands beside each score."""

    @property
    def version(self) -> str:
        """Say by which rules; a new one has a rebuild score everything anew."""

    def score(self, text: str) -> Mood:
        """Tell the mood of one message, of no more than MOST_CHARACTERS."""


class BadMood(Exception):
    """A scorer has answered something that is no mood; its job is retried, and fails visibly."""


_in_use: list[Scorer] = []


def open_scorer(settings: Settings) -> Scorer:
    """Import the scorer that the settings name, and use it from now on. Raises SettingsError if it is none."""
    _in_use[:] = [import_scorer(settings.sentiment_scorer)]
    return _in_use[0]


def scorer_in_use() -> Scorer:
    """Give the scorer of this process; a stock worker of RQ's has the environment name it."""
    return _in_use[0] if _in_use else open_scorer(load_settings())


def import_scorer(name: str) -> Scorer:
    """Import `module:object`. Raises SettingsError, which says what is wrong with it."""
    module, _, attribute = name.partition(":")
    try:
        scorer = getattr(import_module(module), attribute)
        is_scorer = _is_scorer(scorer)
    except Exception as error:
        raise SettingsError(f"SENTIMENT_SCORER: {name} cannot be imported: {type(error).__name__}") from error
    if not is_scorer:
        raise SettingsError(f"SENTIMENT_SCORER: {name} is no scorer: it lacks a name, a version or score(text)")
    return cast("Scorer", scorer)


def _is_scorer(scorer: object) -> bool:
    if isinstance(scorer, type) or not isinstance(scorer, Scorer):
        return False
    parts: tuple[object, ...] = (scorer.name, scorer.version)
    return callable(scorer.score) and all(isinstance(part, str) and part and part.isprintable() for part in parts)


def title_of(scorer: Scorer) -> str:
    """Write the name and version of a scorer as they stand beside each score."""
    return f"{scorer.name}/{scorer.version}"


def score(scorer: Scorer, text: str) -> Mood:
    """Have a text scored, of a long one as much of its beginning as of its end. Raises BadMood."""
    half = MOST_CHARACTERS // 2
    mood: object = scorer.score(text if len(text) <= MOST_CHARACTERS else f"{text[:half]}\n{text[1 - half :]}")
    if not isinstance(mood, Mood) or not _is_sound(mood):
        raise BadMood("the scorer has answered no mood")
    return mood


def _is_sound(mood: Mood) -> bool:
    if mood.label == "unknown":
        return mood.score is None and mood.confidence is None
    return mood.label in LABELS and _is_within(mood.score, -1) and _is_within(mood.confidence, 0)


def _is_within(value: object, lowest: float) -> bool:
    # True is an int, and PostgreSQL would refuse the whole batch for it.
    return isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= 1
