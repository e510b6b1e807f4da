"""The scorer that is used by default: what it must get right, and how often it is right."""

import time
from pathlib import Path

import pytest

from tests.sentiment_accuracy import SETS, accuracy, judge, report, table
from workers.english import is_english
from workers.scoring import MOST_CHARACTERS, UNKNOWN, score
from workers.vader import scorer

DOCUMENTATION = Path(__file__).parents[3] / "docs/explanation/sentiment.md"
# Somewhat below what is reached, so that no single utterance decides.
FLOORS = {"tuning": 0.94, "held-out": 0.78}
HOSTILE = {
    "nothing": "",
    "blanks": " \n\t ",
    "10 kB": "terrible! " * 1000,
    "1 MB": "the bad 😡 " * 100_000,
    "one word": "x" * 1_000_000,
    "emoji": "😡" * 10_000,
    "right-to-left": "\u202eهذا سيء\u202c",
    "NUL": "This is\0 terrible\0",
    "lone surrogates": "\ud83d This is terrible \udfff",
    "marks": "!?" * 5000,
    "brackets": ":(" * 5000,
    "quotes": "it's " * 5000,
}


@pytest.mark.parametrize(
    "text", ["This is ridiculous.", "You're useless", "I am so angry!", "Terrible.", "this is awful"]
)
def test_short_english_is_scored(text: str):
    """A few English words are enough to be angry."""
    assert scorer.score(text).label == "negative"


@pytest.mark.parametrize("text", ["Yes.", "No.", "Please.", "Okay.", "Thanks.", "Yeah, sure.", "No, no.", "Fine."])
def test_answer_is_no_mood(text: str):
    """What people answer with says nothing about how they feel."""
    assert scorer.score(text) == UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "I'd like to move my appointment.",
        "Can you help me?",
        "I lost my card",
        "My battery is dead",
        "I have a problem",
    ],
)
def test_matter_is_no_mood(text: str):
    """What a call is about says nothing either."""
    assert scorer.score(text) == UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "Die Rechnung ist falsch",
        "No me gusta, es terrible",
        "C'est horrible",
        "Это ужасно",
        "我很生气",
        "Super, danke!",
    ],
)
def test_other_languages_are_unknown(text: str):
    """Words of other languages that look like English ones are not taken for them."""
    assert not is_english(text)
    assert scorer.score(text) == UNKNOWN


def test_a_turn_of_speech_counts():
    """Words that mean something only together do, with either apostrophe."""
    assert scorer.score("I'm fed up with this").label == "negative"
    assert scorer.score("I\u2019d love to come on Friday") == UNKNOWN


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts(text: str):
    """Any text has a mood, the same every time, and none takes long: it is cut before."""
    before = time.process_time()
    assert score(scorer, text) == score(scorer, text)
    assert time.process_time() - before < 5


def test_longest_text_that_is_not_cut():
    """A text of the largest size is scored as it is."""
    assert score(scorer, "terrible ".ljust(MOST_CHARACTERS, ".")).label == "negative"


@pytest.mark.parametrize("name", SETS)
def test_accuracy(name: str):
    """Of the labelled utterances so many are right; the command prints the whole table."""
    verdicts = judge(name)
    assert accuracy(verdicts) >= FLOORS[name], report(name, verdicts)


@pytest.mark.parametrize("name", SETS)
def test_only_who_is_upset_raises_alerts(name: str):
    """No answer or utterance in another language is a mood that is sure, nor a request surely negative."""
    sure = [verdict for verdict in judge(name) if verdict.is_sure]
    assert [verdict for verdict in sure if verdict.kind in ("answer", "foreign")] == []
    assert {verdict.kind for verdict in sure if verdict.mood.label == "negative"} <= {"angry", "distress"}


def test_the_documentation_quotes_what_is_measured():
    """The page has the table of the utterances that nothing was tuned on, and both shares."""
    told = DOCUMENTATION.read_text()
    assert table(judge("held-out")) in told
    assert [name for name in SETS if f"{100 * accuracy(judge(name)):.0f} % right" not in told] == []


def test_sets_are_large_enough():
    """There are utterances enough of each kind, and none is in both sets."""
    tuning, held_out = ({one.text for one in judge(name)} for name in SETS)
    assert len(tuning | held_out) >= 300
    assert not tuning & held_out
