"""`python -m bench.profile`: where the workers' time goes, by samples of the running programs.

py-spy looks at each worker a thousand times a second while it works off a backlog; moments in which it waits for
a server do not count. A sample counts for the innermost function of ours on its stack, together with the library it was
in, if any: what a function has others do is its own cost.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import click

from bench.arms.earshot import EarshotPipeline
from bench.arms.pipeline import STAGES
from bench.figures_page import filled, table
from bench.plots import EXPLANATION
from bench.sizes import CALL_MESSAGES, CALLS_IN_FLIGHT
from bench.stand import Stand
from bench.workload import backlog

SAMPLES_A_SECOND = 1000
SECONDS = 120
SHOWN = 12
LIBRARIES = ("psycopg", "redis", "pydantic", "zstandard", "msgspec", "rq")

_FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+)\)")
Shares = list[tuple[str, str, float]]
"""Function, library, share of the samples."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--calls", type=click.IntRange(10, 2000), default=400, show_default=True, help="Calls of 20 messages.")
@click.option("--page", type=click.Path(path_type=Path), default=EXPLANATION, help="The page to fill.")
def main(calls: int, page: Path) -> None:
    """Sample the worker of each stage while it works off a backlog, and fill the page."""
    with Stand() as stand:
        snapshots = backlog(calls, CALL_MESSAGES, CALLS_IN_FLIGHT)
        EarshotPipeline(stand).publish(snapshots)
        tables = [f"### {stage}\n\n{_table(shares(_sample(stand, stage)))}" for stage in STAGES]
    content = "\n\n".join(tables)
    click.echo(content)
    page.write_text(filled(page.read_text(), "profile", content))


def shares(stacks: Iterable[str]) -> Shares:
    """Share out samples, each line a stack from the outermost frame to the innermost, and how often it was seen."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if "workers/worker.py" in stack:  # and not the thread that listens for RQ's commands
            counts[_place(stack.split(";"))] += int(count)
    return [(*place, count / counts.total()) for place, count in counts.most_common()]


def _place(stack: list[str]) -> tuple[str, str]:
    library = ""
    for frame in reversed(stack):
        match = _FRAME.fullmatch(frame)
        file = match["file"] if match else ""
        if file.startswith(("workers/", "shared/")):
            return f"{Path(file).stem}.{match['function'] if match else ''}", library
        library = next((name for name in LIBRARIES if f"{name}/" in file or file.startswith(name)), library)
    return "the interpreter", library


def _sample(stand: Stand, stage: str) -> list[str]:
    output = stand.log_of(f"{stage}-stacks")
    recorder = (str(Path(sys.executable).with_name("py-spy")), "record", "--format", "raw", "--function")
    rate = ("--rate", str(SAMPLES_A_SECOND), "--output", str(output))
    worker = stand.module("earshot", "worker", stage, "--burst")
    with stand.program(f"{stage}-profile", *recorder, *rate, "--", *worker) as process:
        process.wait(SECONDS)
    return output.read_text().splitlines()


def _table(found: Shares) -> str:
    rows = [(function, library, f"{share:.1%}") for function, library, share in found[:SHOWN]]
    rest = sum(share for _, _, share in found[SHOWN:])
    return table(("function", "in", "of its time"), [*rows, ("everything else", "", f"{rest:.1%}")])


if __name__ == "__main__":
    main()
