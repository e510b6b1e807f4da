"""What the programs of one run are told through their environment, and what is kept of it in D/env."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from earshot.data_dir import DataDir, unusable
from earshot.env_file import read_env, write_env

GENERATED = ("WEBHOOK_SECRETS", "CONSOLE_TOKENS")
SECRET_BYTES = 24


def run_variables(
    known: Mapping[str, str], environment: Mapping[str, str], addresses: Mapping[str, str]
) -> dict[str, str]:
    """Decide the variables of this run. Pure but for new secrets.

    A secret comes from the environment, else from an earlier run (`known`), else it is made now. `addresses` are the
    embedded servers' and win over nothing: a server named in the environment is not embedded.
    """
    named = {name: environment[name] for name in ("REDIS_URL", "DATABASE_URL") if environment.get(name)}
    kept = {name: environment.get(name) or known.get(name) or secrets.token_urlsafe(SECRET_BYTES) for name in GENERATED}
    return {**addresses, **named, **kept}


def keep_variables(data_dir: DataDir, variables: Mapping[str, str]) -> None:
    """Write them to D/env for all other commands. Raises EarshotError when that is not possible."""
    try:
        write_env(data_dir.env, variables)
    except OSError as error:
        raise unusable(data_dir.root, error) from error


def known_variables(data_dir: DataDir) -> dict[str, str]:
    """Read what an earlier run has kept."""
    return read_env(data_dir.env)


def program_environment(variables: Mapping[str, str], data_dir: Path) -> dict[str, str]:
    """Give a program's whole environment. Its output is unbuffered, so that a line is seen when it is written."""
    return {**os.environ, **variables, "EARSHOT_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"}
