"""What commands share: their common options, the settings they read, and how they tell of faults."""

# ruff: noqa: PLC0415 - `earshot --help` would take a second with all programs imported

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from shared.settings import Settings


class Fault(click.ClickException):
    """One message on standard error and an exit status, in place of a traceback."""


class WrongSettings(Fault):
    """The same, for settings that are missing or wrong."""

    exit_code = 2


data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".earshot"),
    show_default=True,
    envvar="EARSHOT_DATA_DIR",
    help="Where data, secrets and the env file lie.",
)


def settings_for(needs: Iterable[str], data_dir: Path) -> "Settings":
    """Read the settings; the command ends with status 2 when some are missing or wrong."""
    from shared.settings import load_settings

    with setting_faults_told():
        return load_settings(needs, data_dir)


@contextmanager
def setting_faults_told() -> Iterator[None]:
    """Turn faults in the settings into a message and status 2."""
    from shared.settings import SettingsError

    try:
        yield
    except SettingsError as error:
        raise WrongSettings(str(error)) from error


def check_alerting(settings: "Settings") -> None:
    """See that the rules and the channels of alerts are right; the command ends with status 2 when they are not."""
    from shared.alerting.rules_file import load_rules

    with setting_faults_told():
        load_rules(settings)
    check_channels(settings)


def check_channels(settings: "Settings") -> None:
    """See that the channels are set up wholly or not at all; the command ends with status 2 when one is not."""
    from shared.alerting.channels import channels_of

    with setting_faults_told():
        channels_of(settings)


def secret_text(value: Any) -> str:
    """Give the text of a secret setting."""
    return cast("str", value.get_secret_value())
