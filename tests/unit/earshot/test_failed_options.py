"""Which dead letters a person means: what the options of `earshot failed` and `earshot replay` accept and refuse."""

import pytest
from click.testing import CliRunner, Result

from earshot.cli import main


def earshot(*arguments: str) -> Result:
    """Run a command that must not get as far as a server."""
    nowhere = {"REDIS_URL": "unix:///nowhere", "DATABASE_URL": "postgresql://nobody@/nowhere?host=/nowhere"}
    return CliRunner().invoke(main, arguments, env=nowhere)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["replay"], "say which"),
        (["replay", "--discard", "--yes"], "say which"),
        (["replay", "--quarantine"], "say which"),
        (["replay", "--all", "--stage", "metrics"], "exclude each other"),
        (["replay", "--reason", "unknown_type"], "--quarantine only"),
        (["failed", "--quarantine", "--stage", "metrics"], "says nothing about quarantine"),
        (["failed", "--stage", "nonsense"], "is not one of"),
        (["failed", "--since", "yesterday"], "neither a time"),
        (["failed", "--body"], "--body needs --event"),
        (["event"], "give the ID"),
        (["event", "abcdef0123", "--call", "WC-1"], "give the ID"),
    ],
)
def test_what_is_unclear_is_refused_before_anything_is_asked(arguments: list[str], told: str):
    """Status 2 and a sentence; nothing is replayed, discarded or shown by mistake."""
    shown = earshot(*arguments)
    assert shown.exit_code == 2
    assert told in " ".join(shown.output.split())


def test_a_server_that_is_away_is_named():
    """Status 1, and which server it is, without its address."""
    shown = earshot("failed")
    assert shown.exit_code == 1
    assert "Redis cannot be asked" in shown.output
    assert "nowhere" not in shown.output
