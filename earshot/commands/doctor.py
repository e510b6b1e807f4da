"""`earshot doctor`: look at servers, queues and this machine, and say what is wrong and what to do."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from earshot.commands.common import data_dir_option

if TYPE_CHECKING:
    from earshot.checks.findings import Finding

COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command("doctor")
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(ctx: click.Context, /, data_dir: Path, *, as_json: bool) -> None:
    """Say whether all is well, and if not, what to do.

    Looks at settings, both servers, every queue, the janitor, the spool and the disk. Writes nothing.
    Exit status: 0 when all is well or there are only warnings, 1 when there is a problem.
    """
    from earshot.checks.examination import examine
    from earshot.checks.findings import worst

    findings = examine(data_dir)
    _print_json(findings) if as_json else _print_lines(findings)
    ctx.exit(1 if worst(findings) == "problem" else 0)


def _print_lines(findings: "Sequence[Finding]") -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        level = click.style(f"{finding.level:<7}", fg=COLORS[finding.level])
        click.echo(f"{level}  {finding.check:<{width}}  {finding.text}")
        if finding.remedy:
            click.echo(f"{'':7}  {'':{width}}  -> {finding.remedy}")
    click.echo(f"\n{_verdict(findings)}")


def _verdict(findings: "Sequence[Finding]") -> str:
    numbers = Counter(finding.level for finding in findings)
    told = [_number(numbers[level], level) for level in ("problem", "warning") if numbers[level]]
    return " and ".join(told) if told else "All is well."


def _number(number: int, level: str) -> str:
    return f"{number} {level}{'' if number == 1 else 's'}"


def _print_json(findings: "Sequence[Finding]") -> None:
    from earshot.checks.findings import worst

    document = {"level": worst(findings), "findings": [asdict(finding) for finding in findings]}
    click.echo(json.dumps(document, indent=2))
