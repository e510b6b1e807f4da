"""The tables of a file of results as Markdown, so that no figure is copied by hand. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.rounds import readable


def page(document: Mapping[str, Any]) -> str:
    """Write the page: what was measured where, the claims, then every figure of every arm."""
    claims = [claim for measured in document["measurements"].values() for claim in measured["claims"]]
    parts = [
        "# Figures of the newest run",
        "Written by `python -m bench.plots`; medians, in brackets the least and the greatest.",
        _about(document),
        "## Targets",
        _claims(claims),
        *(_measurement(measured) for measured in document["measurements"].values()),
    ]
    return "\n\n".join(parts) + "\n"


def excerpt(name: str, measured: Mapping[str, Any]) -> str:
    """Write what the explanation shows of one measurement: its plot and its claims."""
    parts = [f"![{measured['title']}](performance/{name}.svg)"]
    return "\n\n".join([*parts, _claims(measured["claims"])] if measured["claims"] else parts)


def filled(text: str, name: str, content: str) -> str:
    """Put content between the marks `<!-- name -->` and `<!-- /name -->` of a page, in place of what is there."""
    between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return between.sub(lambda marks: f"{marks[1]}\n{content}\n\n{marks[2]}", text)


def _claims(claims: Sequence[Mapping[str, Any]]) -> str:
    return table(("claim", "reached", "target", "", "against"), map(_claim_row, claims))


def _about(document: Mapping[str, Any]) -> str:
    facts = {"commit": document["commit"], "date": document["date"], "sizes": document["sizes"]}
    facts |= {**document["machine"], **document["versions"], **document["servers"]}
    return table(("what", "which"), ((name, str(value)) for name, value in facts.items()))


def _measurement(measured: Mapping[str, Any]) -> str:
    names = list(dict.fromkeys(name for figures in measured["arms"].values() for name in figures))
    rows = (
        (arm, *(_cell(figures[name]) if name in figures else "" for name in names))
        for arm, figures in measured["arms"].items()
    )
    settings = "; ".join(f"{name}: {value}" for name, value in measured["settings"].items())
    skipped = [f"Skipped: {arm} ({reason})." for arm, reason in measured["skipped"].items()]
    heading = f"## {measured['title']}\n\n{measured['rounds']} rounds. {settings}"
    return "\n\n".join([heading, table(("arm", *names), rows), *skipped])


def _claim_row(claim: Mapping[str, Any]) -> Sequence[str]:
    value = claim["value"]
    reached = f"{readable(value['median'])} ({readable(value['least'])} to {readable(value['greatest'])})"
    bound = f"{'≥' if claim['is_floor'] else '≤'} {readable(claim['target'])}"
    return (claim["claim"], reached, bound, "met" if claim["is_met"] else "**missed**", claim["against"])


def _cell(figure: Mapping[str, Any]) -> str:
    return f"{readable(figure['median'])} ({readable(figure['least'])} to {readable(figure['greatest'])})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
