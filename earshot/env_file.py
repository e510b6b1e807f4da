"""`D/env`: where the servers are and which secrets are valid, for every other command of this data directory."""

import os
from collections.abc import Mapping
from pathlib import Path


def read_env(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines; a file that is not there has none."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    return dict(_split(line) for line in lines if "=" in line and not line.startswith("#"))


def write_env(path: Path, changes: Mapping[str, str]) -> None:
    """Set some names and keep the others. Mode 0600 from the first byte on; readers see the old file or the new one."""
    text = "".join(f"{name}={value}\n" for name, value in {**read_env(path), **changes}.items())
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def _split(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip(), value.strip()
