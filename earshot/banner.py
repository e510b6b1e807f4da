"""What `earshot up` tells the person once everything runs."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from earshot.data_dir import DataDir
from earshot.posting import WEBHOOK_PATH
from earshot.samples import SECOND_CALL

QUERY = '"select turn_id, turn_latency_ms, llm_ms, tts_ms from turns"'


@dataclass(frozen=True)
class Surroundings:
    """Where this run is reached, and which channels alerts are sent by.

    `psql` is the command that opens the database, `victim` a program and its process.
    """

    data_dir: DataDir
    base_url: str
    psql: str
    victim: tuple[str, int]
    console_url: str | None = None
    channels: tuple[str, ...] = ()

    @property
    def webhook_url(self) -> str:
        return self.base_url + WEBHOOK_PATH


def render_banner(around: Surroundings, *, bold: bool) -> str:
    """Write the addresses and commands to copy. No secret is in it: the commands read it from D/env."""
    console = [("Console", around.console_url)] if around.console_url else []
    places = [
        ("Webhooks", f"POST {around.webhook_url}"),
        *console,
        ("Alerts", _alerts(around)),
        ("Data", f"{_short(around.data_dir.root)}/  (kept between runs; env, logs and databases)"),
        ("SQL", around.psql),
        ("Stop", "Ctrl-C"),
    ]
    title = "Earshot is up."
    lines = [f"\x1b[1m{title}\x1b[0m" if bold else title, *(f"  {name:<9}{place}" for name, place in places)]
    log_in = ["", "The token to log in to the console with:", _token(around)] if around.console_url else []
    return "\n" + "\n".join([*lines, *log_in, "", "An event by hand:", _curl(around)]) + "\n\n"


def render_next_steps(around: Surroundings) -> str:
    """Say what to try, one line each."""
    option = _data_dir(around)
    name, process = around.victim
    steps = [
        (f"{_earshot()} simulate{option} --live", "calls of now; watch them in the console"),
        (f"{_earshot()} send{option} {_quoted(SECOND_CALL)}", "or files of your own"),
        (f"{around.psql} -c {QUERY}", ""),
        (f"kill -9 {process}", f"the program {name}: it comes back; what it had in hand is stored within a minute"),
    ]
    lines = [f"  {command}  {f'# {remark}' if remark else ''}".rstrip() for command, remark in steps]
    return "\n".join(["Try next, in another terminal:", *lines, "", ""])


def write_psql_script(data_dir: DataDir, database_url: str, bundled: Path) -> str:
    """Write D/psql, which opens the embedded database, and give the command that runs it."""
    program = str(bundled) if bundled.exists() else "psql"
    script = data_dir.root / "psql"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(program)} {shlex.quote(database_url)} "$@"\n')
    script.chmod(0o700)
    return _quoted(script)


def _alerts(around: Surroundings) -> str:
    if around.channels:
        return f"sent by {', '.join(around.channels)}; try it: {_earshot()} alerts test{_data_dir(around)}"
    return "listed and sent to nobody yet: docs/how-to/set-up-alerts.md"


def _data_dir(around: Surroundings) -> str:
    return "" if around.data_dir.root == Path.cwd() / ".earshot" else f" --data-dir {_quoted(around.data_dir.root)}"


def _token(around: Surroundings) -> str:
    return f"  sed -n 's/^CONSOLE_TOKENS=//p' {_quoted(around.data_dir.env)} | cut -d, -f1"


def _curl(around: Surroundings) -> str:
    env = _quoted(around.data_dir.env)
    return (
        f"  curl {around.webhook_url} \\\n"
        f"""    -H "x-interactly-secret: $(sed -n 's/^WEBHOOK_SECRETS=//p' {env} | cut -d, -f1)" \\\n"""
        f"    -H 'content-type: application/json' --data-binary @{_quoted(SECOND_CALL)}"
    )


def _earshot() -> str:
    local = Path(".venv/bin/earshot")
    return str(local) if local.exists() else "earshot"


def _quoted(path: Path) -> str:
    return shlex.quote(_short(path))


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
