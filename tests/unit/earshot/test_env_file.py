"""Reading and writing D/env, and deciding what stands there."""

import stat
from pathlib import Path

from earshot.env_file import read_env, write_env
from earshot.environment import run_variables

ADDRESSES = {"REDIS_URL": "unix:///r", "DATABASE_URL": "postgresql:///d"}


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    """The first run finds nothing and that is no error."""
    assert read_env(tmp_path / "env") == {}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Values keep every character but those at the ends; other names, comments aside, are kept."""
    path = tmp_path / "env"
    path.write_text("# mine\nLOG_LEVEL=DEBUG\nPORT=1\n")
    write_env(path, {"PORT": "2", "URL": "a=b?c=%2F"})
    assert read_env(path) == {"LOG_LEVEL": "DEBUG", "PORT": "2", "URL": "a=b?c=%2F"}


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """The mode is 0600, also where the file was open before."""
    path = tmp_path / "env"
    path.write_text("")
    path.chmod(0o644)
    write_env(path, {"A": "b"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path] == list(tmp_path.iterdir())


def test_secrets_are_made_once() -> None:
    """A first run makes secrets nobody can guess, a later one keeps them."""
    first = run_variables({}, {}, ADDRESSES)
    later = run_variables(first, {}, ADDRESSES)
    assert first == later
    assert len(first["WEBHOOK_SECRETS"]) >= 32
    assert first["WEBHOOK_SECRETS"] != first["CONSOLE_TOKENS"]


def test_the_environment_overrides() -> None:
    """A variable that is set wins over what was kept; an empty one does not count."""
    chosen = run_variables(
        {"WEBHOOK_SECRETS": "kept", "CONSOLE_TOKENS": "kept"},
        {"WEBHOOK_SECRETS": "mine", "CONSOLE_TOKENS": "", "DATABASE_URL": "postgresql://elsewhere"},
        {"REDIS_URL": "unix:///r"},
    )
    expected = {"REDIS_URL": "unix:///r", "DATABASE_URL": "postgresql://elsewhere"}
    assert {**expected, "WEBHOOK_SECRETS": "mine", "CONSOLE_TOKENS": "kept"} == chosen


def test_an_address_of_an_earlier_run_is_not_used() -> None:
    """D/env is written for others: the next run embeds its servers again."""
    chosen = run_variables({"REDIS_URL": "redis://old"}, {}, ADDRESSES)
    assert chosen["REDIS_URL"] == "unix:///r"
