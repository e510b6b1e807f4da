"""The scorer that is used by default: VADER, a lexicon with rules for English (Hutto and Gilbert, ICWSM 2014).

It reads words, not meanings, and its words are fitted to what callers say (workers/vader_words.py). Where a text is not
English, or none of the words that are left occurs in it, its mood is unknown, and not neutral.
"""

from collections.abc import Mapping
from importlib.metadata import version

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from workers.english import is_english
from workers.scoring import UNKNOWN, Label, Mood
from workers.vader_words import ADDED, FAINT, TAKEN_OUT, TURNS

# VADER's own threshold for a text that leans neither way.
NEUTRAL_BELOW = 0.05
# "Great." may be said out of politeness, and "Terrible." of the weather.
WORDS_OF_A_MOOD = 3
ANSWER_AT_MOST = 0.75
# To be raised with every change of words or rules: a rebuild then scores anew.
RULES = 1


class VaderScorer:
    """Scores English.

    `confidence` is 1 - (1 - |score|)^2: one strong word such as furious, or two weaker ones, bring it above 0.8. A text
    of one or two words in all stays below that.
    """

    name = "vader"
    version = f"{version('vaderSentiment')}-{RULES}"

    def __init__(self) -> None:
        self._analyzer = SentimentIntensityAnalyzer()
        self._analyzer.lexicon = _fitted(self._analyzer.lexicon)

    def score(self, text: str) -> Mood:
        """Tell the mood of a text."""
        if not is_english(text):
            return UNKNOWN
        shares = self._analyzer.polarity_scores(_with_turns_marked(text))
        if not (shares["pos"] or shares["neg"]):
            return UNKNOWN
        compound = float(shares["compound"])
        return Mood(_label(compound), compound, _confidence(compound, text))


def _fitted(lexicon: Mapping[str, float]) -> dict[str, float]:
    kept = {word: valence for word, valence in lexicon.items() if abs(valence) >= FAINT and word not in TAKEN_OUT}
    return {**kept, **ADDED}


def _with_turns_marked(text: str) -> str:
    text = text.replace("\u2019", "'")
    for pattern, token in TURNS:
        text = pattern.sub(token, text)
    return text


def _confidence(compound: float, text: str) -> float:
    confidence = round(1 - (1 - abs(compound)) ** 2, 4)
    return min(confidence, ANSWER_AT_MOST) if len(text.split()) < WORDS_OF_A_MOOD else confidence


def _label(compound: float) -> Label:
    if abs(compound) < NEUTRAL_BELOW:
        return "neutral"
    return "positive" if compound > 0 else "negative"


scorer = VaderScorer()
