"""Where the servers' sockets lie."""

import os
import stat
from pathlib import Path

import pytest

from earshot.errors import EarshotError
from earshot.servers.sockets import LONGEST_NAME, PATH_LIMIT, choose_socket_directory, make_socket_directory

TEMPORARY = Path("/var/tmp")
DEEP = Path("/" + "d" * 120)


def test_a_short_path_is_taken() -> None:
    """Where the paths fit, the sockets lie in the data directory."""
    assert Path("/srv/earshot/run") == choose_socket_directory(Path("/srv/earshot"), 1000, TEMPORARY)


@pytest.mark.parametrize("length", range(80, 100))
def test_no_path_is_too_long(length: int) -> None:
    """Around the limit every choice fits, in bytes."""
    chosen = choose_socket_directory(Path("/" + "ä" * (length // 2)), 1000, TEMPORARY)
    assert len(os.fsencode(chosen / LONGEST_NAME)) <= PATH_LIMIT


def test_an_odd_path_is_passed_over() -> None:
    """libpq would take a comma in the path for the end of a host."""
    assert choose_socket_directory(Path("/srv/a,b"), 1000, TEMPORARY).parent == TEMPORARY


def test_deep_directories_do_not_meet() -> None:
    """The short directory is the same for the same data and user, and another for others."""
    first = choose_socket_directory(DEEP / "a", 1000, TEMPORARY)
    assert first.parent == TEMPORARY
    assert first == choose_socket_directory(DEEP / "a", 1000, TEMPORARY)
    assert first != choose_socket_directory(DEEP / "b", 1000, TEMPORARY)
    assert first != choose_socket_directory(DEEP / "a", 1001, TEMPORARY)


def test_a_deep_temporary_directory_is_passed_over() -> None:
    """Where even the temporary directory is deep, /tmp is taken."""
    assert Path("/tmp") == choose_socket_directory(DEEP, 1000, DEEP).parent


def test_the_directory_is_closed(tmp_path: Path) -> None:
    """It is made, and found again, with no access for others."""
    for _ in range(2):
        directory = make_socket_directory(tmp_path, mode=0o700)
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["open", "link"])
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path, kind: str) -> None:
    """A directory others may enter, or a link to anywhere, is not used."""
    if kind == "open":
        (tmp_path / "run").mkdir()
        (tmp_path / "run").chmod(0o777)
    else:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EarshotError, match="is not a directory of ours alone"):
        make_socket_directory(tmp_path, mode=0o700)
