"""Scorers of the tests: one that counts, and others that come to grief over a word."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from workers import scoring
from workers.scoring import UNKNOWN, Mood
from workers.vader import NEUTRAL_BELOW

ODD_MOODS = {
    "nothing": None,
    "text": "negative",
    "other label": Mood("furious", -1.0, 1.0),  # type: ignore[arg-type]  # nonsense on purpose
    "NaN": Mood("negative", math.nan, 0.9),
    "too sure": Mood("negative", -0.5, 1.5),
    "True": Mood("negative", -0.5, True),
    "number of text": Mood("negative", -0.5, "0.9"),  # type: ignore[arg-type]  # nonsense on purpose
    "half": Mood("positive", 0.5),
    "sure of nothing": Mood("unknown", None, 0.9),
}


class CountingScorer:
    """Calls every text with an exclamation mark negative, and counts how often it was asked for each."""

    name = "counting"

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.asked: Counter[str] = Counter()

    def score(self, text: str) -> Mood:
        """Tell the mood of a text."""
        self.asked[text] += 1
        return Mood("negative", -0.9, 0.9) if "!" in text else Mood("neutral", 0.0, 0.5)


@contextmanager
def counting_scorer() -> Iterator[CountingScorer]:
    """Have a scorer that counts in use; whichever is in use afterwards is put away."""
    counting = CountingScorer()
    before, scoring._in_use[:] = list(scoring._in_use), [counting]
    try:
        yield counting
    finally:
        scoring._in_use[:] = before


class BadScorer:
    """Raises, answers nonsense or never answers for a text with one of these words."""

    name, version = "bad", "1"

    def score(self, text: str) -> Mood:
        """Tell the mood of a text, or not."""
        if "raise" in text:
            raise RuntimeError(text)
        if "nonsense" in text:
            return Mood("negative", math.nan, 2.0)
        while "hang" in text:
            time.sleep(0.01)
        return Mood("neutral", 0.0, 0.5)


class Nameless:
    """Lacks a version."""

    name = "nameless"

    def score(self, text: str) -> Mood:
        """Tell the mood of a text."""
        raise NotImplementedError(text)


class PlainVader:
    """VADER as its authors made it: what ours is held against."""

    name, version = "plain-vader", "1"

    def score(self, text: str) -> Mood:
        """Tell the mood of a text."""
        shares = SentimentIntensityAnalyzer().polarity_scores(text)
        if not (shares["pos"] or shares["neg"]):
            return UNKNOWN
        compound = shares["compound"]
        label = "neutral" if abs(compound) < NEUTRAL_BELOW else "positive" if compound > 0 else "negative"
        return Mood(label, compound, abs(compound))


bad = BadScorer()
plain_vader = PlainVader()
nameless = Nameless()
unprintable = CountingScorer("1\0")
numbered = CountingScorer(1)  # type: ignore[arg-type]  # nonsense on purpose
