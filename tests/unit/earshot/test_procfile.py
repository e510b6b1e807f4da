"""Reading the Procfile."""

import sys
from pathlib import Path

import pytest

from earshot.errors import EarshotError
from earshot.procfile import PROJECT_PROCFILE, parse_procfile, read_procfile, start_command
from shared.stages import QUEUES


def test_programs_keep_their_order() -> None:
    """Each line is a program; comments and empty lines are none; quotes hold words together."""
    programs = parse_procfile("# first\nweb: serve --name 'a b'\n\n  work :  earshot worker x\n", "P")
    assert programs == {"web": ("serve", "--name", "a b"), "work": ("earshot", "worker", "x")}
    assert list(programs) == ["web", "work"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("web serve", "P, line 1, is not of the form"),
        ("web:", "P, line 1, is not of the form"),
        ("\na: b\na: c", "P, line 3, names a a second time"),
        ("a: b 'c", "P, line 1, cannot be split into words"),
        ("# nothing\n", "P names no program"),
    ],
)
def test_a_wrong_procfile_is_explained(text: str, complaint: str) -> None:
    """The message names the file, the line and what is wrong."""
    with pytest.raises(EarshotError, match=complaint):
        parse_procfile(text, "P")


def test_a_missing_procfile_is_named(tmp_path: Path) -> None:
    """The path is in the message, and the option to give another."""
    with pytest.raises(EarshotError, match=r"none: No such file or directory\. Name one with --procfile"):
        read_procfile(tmp_path / "none")


def test_our_own_commands_need_no_path() -> None:
    """`earshot` is started with this interpreter; other commands stay as they are."""
    assert (sys.executable, "-P", "-m", "earshot", "ingest") == start_command(("earshot", "ingest"))
    assert start_command(("other", "x")) == ("other", "x")


def test_the_project_runs_every_queue() -> None:
    """The project's Procfile has the ingest and a worker for each queue."""
    programs = read_procfile(PROJECT_PROCFILE)
    assert {"ingest", *QUEUES} <= set(programs)
    assert all(programs[queue] == ("earshot", "worker", queue) for queue in QUEUES)
