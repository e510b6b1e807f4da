"""As whom PostgreSQL runs: it refuses to be root, and we may be root (in a container, on a fresh server)."""

import os
import pwd
import shutil
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earshot.children import Command, start
from earshot.errors import EarshotError

ACCOUNTS = ("postgres", "nobody", "_postgres")
PROBE_SECONDS = 10
ROOT_REFUSED = (
    "PostgreSQL refuses to run as root. Run earshot as an ordinary user, or set DATABASE_URL to a server that runs."
)


@dataclass(frozen=True)
class Identity:
    """`launch` is the identity in launcher.py's words; `owner` (uid, gid) must own PostgreSQL's files."""

    launch: str
    owner: tuple[int, int]
    name: str

    @property
    def is_other_account(self) -> bool:
        return self.launch.startswith("account")


def choose_identity() -> Identity:
    """Choose ourselves as an ordinary user; as root a user namespace, or another account where that is refused.

    Raises EarshotError when root has neither.
    """
    ourselves = (os.geteuid(), os.getegid())
    if ourselves[0] != 0:
        return Identity("same", ourselves, "us")
    account = _find_account(ACCOUNTS)
    namespace = f"namespace:{account.pw_uid}:{account.pw_gid}"
    if can_run(namespace, ("true",)):
        return Identity(namespace, ourselves, "root, in a user namespace")
    return Identity(f"account:{account.pw_uid}:{account.pw_gid}", (account.pw_uid, account.pw_gid), account.pw_name)


def can_run(launch: str, arguments: tuple[str, ...]) -> bool:
    """Tell whether a command succeeds under that identity."""
    process = start(Command("probe", arguments, os.environ, orphan_signal=signal.SIGKILL, identity=launch))
    process.communicate(timeout=PROBE_SECONDS)
    return process.returncode == 0


def readable_programs(programs: Path, root: Path, identity: Identity) -> Path:
    """Give the directory of PostgreSQL's programs, copied below `root` if the account cannot read the original.

    Raises EarshotError when the account cannot enter the data directory either.
    """
    if not identity.is_other_account:
        return programs
    if not can_run(identity.launch, ("test", "-x", str(root))):
        raise EarshotError(
            f"{ROOT_REFUSED} (This system allows no user namespaces, and the account {identity.name} cannot enter "
            f"{root}; a --data-dir below a directory open to all, such as /var/lib, would do as well.)"
        )
    if can_run(identity.launch, ("test", "-x", str(programs / "postgres"))):
        return programs
    return _copy(programs, root / "postgres-programs")


def give(path: Path, owner: tuple[int, int]) -> None:
    """Make a directory tree belong to an account; costs one look when it does already."""
    found = path.lstat()
    if (found.st_uid, found.st_gid) == owner:
        return
    for below in path.rglob("*"):
        os.chown(below, *owner, follow_symlinks=False)
    os.chown(path, *owner)


def _find_account(names: Iterable[str]) -> pwd.struct_passwd:
    known = {account.pw_name: account for account in pwd.getpwall() if account.pw_uid}
    found = next((known[name] for name in names if name in known), None)
    if found is None:
        raise EarshotError(ROOT_REFUSED)
    return found


def _copy(programs: Path, target: Path) -> Path:
    installed = programs.parent
    package = installed.parent
    # The libraries that a wheel brings lie beside its package, and its programs look for them there.
    libraries = package.with_name(f"{package.name}.libs")
    shutil.rmtree(target, ignore_errors=True)
    copied = target / package.name / installed.name
    shutil.copytree(installed, copied, ignore=shutil.ignore_patterns("include"))
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    return copied / programs.name
