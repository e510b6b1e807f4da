"""What is wrong with the alerts is told before anything starts."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from earshot.cli import main

SERVERS = {"REDIS_URL": "redis://127.0.0.1:1", "DATABASE_URL": "postgresql://127.0.0.1:1/d"}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A file of rules with a fault in its second line."""
    path = tmp_path / "rules.toml"
    path.write_text("[rules.hang_rate]\nrate_above = 5\n")
    return path


def earshot(tmp_path: Path, *words: str, **variables: str) -> Result:
    environment = {**SERVERS, "EARSHOT_DATA_DIR": str(tmp_path / "data"), **variables}
    return CliRunner().invoke(main, list(words), env=environment)


@pytest.mark.parametrize("command", ["up", "janitor"])
def test_wrong_rules_are_refused_with_line_and_reason(command: str, tmp_path: Path, rules: Path) -> None:
    """With the status of wrong settings; nothing has been started, nor has a directory been made."""
    shown = earshot(tmp_path, command, ALERTS_FILE=str(rules))
    assert shown.exit_code == 2
    assert f"{rules}, line 2: rules.hang_rate.rate_above: must be at most 1" in shown.output
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("words", [("up",), ("janitor",), ("worker", "slack"), ("worker", "webhook")])
def test_a_channel_that_is_set_by_half_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    """By all that send or have others send."""
    shown = earshot(tmp_path, *words, ALERT_WEBHOOK_URL="https://hooks.example/")
    assert (shown.exit_code, "ALERT_WEBHOOK_SECRET: is not set" in shown.output) == (2, True)


def test_up_refuses_every_wrong_setting(tmp_path: Path) -> None:
    """Else each program would end for it, again and again."""
    shown = earshot(tmp_path, "up", BATCH_SIZE="many")
    assert (shown.exit_code, "BATCH_SIZE" in shown.output) == (2, True)


def test_without_a_janitor_nobody_reads_the_rules(tmp_path: Path, rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Procfile of other programs starts all the same."""
    started: list[Path] = []
    monkeypatch.setattr("earshot.up.run_until_stopped", lambda root, *_: started.append(root))
    (tmp_path / "Procfile").write_text("one: earshot doctor\n")
    shown = earshot(tmp_path, "up", "--procfile", str(tmp_path / "Procfile"), ALERTS_FILE=str(rules))
    assert (shown.exit_code, started) == (0, [tmp_path / "data"])
