"""What `up` tells the person."""

from dataclasses import replace
from pathlib import Path

import pytest

from earshot.banner import Surroundings, render_banner, render_next_steps
from earshot.data_dir import DataDir
from earshot.first_call import render_arrived


@pytest.fixture
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    monkeypatch.chdir(tmp_path)
    return Surroundings(DataDir(tmp_path / ".earshot"), "http://127.0.0.1:8000", ".earshot/psql", ("metrics", 42))


def test_the_banner_has_what_is_needed(around: Surroundings) -> None:
    """The URL, the header with the secret read from D/env, and where the data lie; no console where there is none."""
    banner = render_banner(around, bold=False)
    assert "POST http://127.0.0.1:8000/webhooks/interactly" in banner
    assert "x-interactly-secret: $(sed -n 's/^WEBHOOK_SECRETS=//p' .earshot/env | cut -d, -f1)" in banner
    assert ".earshot/psql" in banner
    assert "Console" not in banner


def test_the_banner_tells_how_to_log_in(around: Surroundings) -> None:
    """Where there is a console, its address is told, and where its token is found; the token itself is not."""
    banner = render_banner(replace(around, console_url="http://127.0.0.1:8001"), bold=False)
    assert "Console  http://127.0.0.1:8001" in banner
    assert "sed -n 's/^CONSOLE_TOKENS=//p' .earshot/env" in banner


def test_the_banner_tells_who_hears_of_alerts(around: Surroundings) -> None:
    """By which channels, and how to try them; or how to set one up."""
    told = render_banner(replace(around, channels=("slack", "email")), bold=False)
    assert "Alerts   sent by slack, email; try it: earshot alerts test\n" in told
    assert "Alerts   listed and sent to nobody yet: docs/how-to/set-up-alerts.md" in render_banner(around, bold=False)


def test_the_next_steps_are_a_line_each(around: Surroundings) -> None:
    """Commands are given as they can be typed in the same directory."""
    steps = render_next_steps(around)
    assert "earshot send " in steps
    assert "--data-dir" not in steps
    assert "kill -9 42  # the program metrics" in steps
    assert "earshot simulate --live" in steps
    assert sum(line.startswith("  ") for line in steps.splitlines()) == 4


def test_texts_are_shown_as_they_are() -> None:
    """What looks like markup in a text is text; a turn without a reply has no figures; nothing ends in blanks."""
    drawn = render_arrived(
        {"calls": 1},
        [("user", "[red]no[/red]", 2000.0, 1000.0, 700.0, 290.0, 10.0), ("user", "so", *[None] * 5)],
        colour=False,
    )
    assert "[red]no[/red]" in drawn
    assert "2000" in drawn
    assert all(line == line.rstrip() for line in drawn.splitlines())
