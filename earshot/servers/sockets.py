"""The directory of the servers' unix sockets: closed to others, and its path short enough for a socket."""

import hashlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from earshot.errors import EarshotError

PATH_LIMIT = 103  # bytes, without the closing zero: macOS takes 103, Linux 107.
LONGEST_NAME = "pg/.s.PGSQL.5432"
# In an address libpq takes a comma for the end of a host, and every client quotes other characters in its own way.
PLAIN = re.compile(r"[\w/.+@~ -]+", re.ASCII)


def choose_socket_directory(root: Path, uid: int, temporary: Path) -> Path:
    """Choose `root`/run, or a short directory named after `root` when that would not do for a socket. Pure."""
    if _fits(root / "run") and PLAIN.fullmatch(str(root)):
        return root / "run"
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    places = [place / f"earshot-{uid}-{digest}" for place in (temporary, Path("/tmp"))]  # noqa: S108 - checked below
    return next((place for place in places if _fits(place)), places[-1])


def make_socket_directory(root: Path, *, mode: int) -> Path:
    """Make the directory, or check that the one which is there is ours alone. Raises EarshotError when it is not."""
    directory = choose_socket_directory(root, os.geteuid(), Path(tempfile.gettempdir()))
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        _check_ours(directory)
        directory.chmod(mode)
    except OSError as error:
        raise EarshotError(f"Cannot make the socket directory {directory}: {error.strerror}.") from error
    return directory


def discard_socket_directory(root: Path) -> None:
    """Remove the directory once no server uses it, where it lies outside `root`; a crash leaves it to the next run."""
    directory = choose_socket_directory(root, os.geteuid(), Path(tempfile.gettempdir()))
    if directory.parent != root:
        shutil.rmtree(directory, ignore_errors=True)


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / LONGEST_NAME)) <= PATH_LIMIT


def _check_ours(directory: Path) -> None:
    found = directory.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not is_ours or stat.S_IMODE(found.st_mode) not in (0o700, 0o711):
        raise EarshotError(
            f"{directory} is not a directory of ours alone (mode 0700), so no socket is put there. "
            "Remove it, and try again."
        )
