"""Scorers: which objects are one, which answers are a mood, and how much of a text they get."""

import subprocess
import sys
from typing import Any

import pytest

from shared.settings import Settings, SettingsError
from tests.scorers import ODD_MOODS, CountingScorer
from workers.scoring import MOST_CHARACTERS, UNKNOWN, BadMood, Mood, import_scorer, open_scorer, score, title_of

LEAN = "import sys, workers.tasks, workers.program; print('vaderSentiment' in sys.modules)"


class Answering:
    """Answers the same to every text."""

    name, version = "answering", "1"

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def score(self, _: str) -> Any:
        """Give the answer."""
        return self._answer


def test_default_is_a_scorer():
    """The scorer that is used without a setting can be imported, and says its name and version."""
    assert title_of(import_scorer(Settings().sentiment_scorer)).startswith("vader/")


@pytest.mark.parametrize(
    "name",
    [
        *("tests.scorers:missing", "no.such.module:scorer", "tests.scorers:CountingScorer", "tests.scorers:nameless"),
        *("tests.scorers:ODD_MOODS", "tests.scorers:unprintable", "tests.scorers:numbered"),
    ],
)
def test_what_is_no_scorer_is_refused(name: str):
    """A name that leads nowhere, or to no object of the shape, is a fault of the setting, and it says which."""
    with pytest.raises(SettingsError, match=f"SENTIMENT_SCORER: {name}"):
        open_scorer(Settings(sentiment_scorer=name))


@pytest.mark.parametrize(
    "mood", [UNKNOWN, Mood("neutral", 0, 0), Mood("negative", -1.0, 1.0), Mood("positive", 1, 0.5)]
)
def test_sound_moods(mood: Mood):
    """A label with a score and a confidence within their limits is a mood, and so is unknown without both."""
    assert score(Answering(mood), "Hello.") == mood


@pytest.mark.parametrize("answer", ODD_MOODS.values(), ids=ODD_MOODS)
def test_nonsense_is_no_mood(answer: object):
    """Nothing that is no mood gets further: no other label, no other type, no number beyond the limits or NaN."""
    with pytest.raises(BadMood):
        score(Answering(answer), "Hello.")


def test_long_text_is_cut():
    """Of a long text a scorer gets as much of the beginning as of the end, and never more than it may."""
    scorer = CountingScorer()
    score(scorer, "a" * MOST_CHARACTERS)
    score(scorer, "b" * 1_000_000 + "c")
    whole, cut = scorer.asked
    assert (whole, len(cut), cut[0], cut[-1]) == ("a" * MOST_CHARACTERS, MOST_CHARACTERS, "b", "c")


def test_other_workers_do_not_load_the_scorer():
    """What all workers import does not import VADER: only the process that scores pays for it."""
    told = subprocess.run([sys.executable, "-c", LEAN], capture_output=True, text=True, check=True, timeout=30)
    assert told.stdout == "False\n"
