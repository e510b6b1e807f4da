"""How often the scorer that is used by default is right: `python -m tests.sentiment_accuracy [SCORER]`.

The utterances are of our own making, in two sets. The rules were tuned on the first; the second was written after them,
by the same hand, and is only reported.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from shared.settings import Settings
from workers.scoring import LABELS, Mood, import_scorer, score

DATA = Path(__file__).parent / "data"
SETS = ("tuning", "held-out")
SURE_ABOVE = 0.8
# What each kind of utterance may be labelled; a request and an answer have no mood, and distress is one as anger is.
RIGHT = {
    "angry": ("negative",),
    "distress": ("negative",),
    "positive": ("positive",),
    "request": ("neutral", "unknown"),
    "answer": ("neutral", "unknown"),
    "foreign": ("unknown",),
}


class Verdict(NamedTuple):
    """An utterance, and what the scorer made of it."""

    kind: str
    text: str
    mood: Mood

    @property
    def is_right(self) -> bool:
        """Tell whether the label is one of those that the kind may have."""
        return self.mood.label in RIGHT[self.kind]

    @property
    def is_sure(self) -> bool:
        """Tell whether the mood is sure enough to raise an alert by default."""
        return (self.mood.confidence or 0) > SURE_ABOVE


def judge(name: str, scorer_name: str = Settings.model_fields["sentiment_scorer"].default) -> list[Verdict]:
    """Have each utterance of a set scored."""
    scorer = import_scorer(scorer_name)
    lines = (DATA / f"utterances-{name}.tsv").read_text().splitlines()
    return [Verdict(kind, text, score(scorer, text)) for kind, text in (line.split("\t") for line in lines)]


def accuracy(verdicts: Sequence[Verdict]) -> float:
    """Give the share that is right."""
    return sum(verdict.is_right for verdict in verdicts) / len(verdicts)


def table(verdicts: Sequence[Verdict]) -> str:
    """Count the labels of each kind, as a Markdown table."""
    counts = Counter((verdict.kind, verdict.mood.label) for verdict in verdicts)
    rows = [("said", *LABELS, "right")]
    rows.append(("---", *("---:" for _ in rows[0][1:])))
    for kind in RIGHT:
        of_kind = [verdict for verdict in verdicts if verdict.kind == kind]
        if not of_kind:
            continue
        rows.append((kind, *(str(counts[kind, label]) for label in LABELS), f"{accuracy(of_kind):.0%}"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def report(name: str, verdicts: Sequence[Verdict]) -> str:
    """Tell how a set went, and how much of the anger in it is sure enough for the rule that comes with the alerts."""
    sure = Counter(verdict.kind for verdict in verdicts if verdict.mood.label == "negative" and verdict.is_sure)
    kinds = ", ".join(f"{number} {kind}" for kind, number in sure.most_common())
    told = f"negative with a confidence above {SURE_ABOVE}: {sure.total()} ({kinds})"
    return f"{name}: {len(verdicts)} utterances, {accuracy(verdicts):.0%} right\n\n{table(verdicts)}\n\n{told}\n"


@click.command()
@click.option("--wrong", is_flag=True, help="Name what is wrong in the set for tuning.")
@click.argument("scorer", default=Settings.model_fields["sentiment_scorer"].default)
def main(scorer: str, *, wrong: bool) -> None:
    """Print how often a SCORER is right."""
    for name in SETS:
        verdicts = judge(name, scorer)
        click.echo(report(name, verdicts))
        if wrong and name == "tuning":
            click.echo("\n".join(f"{one.kind}, {one.mood.label}: {one.text}" for one in verdicts if not one.is_right))


if __name__ == "__main__":
    main()
