"""The settings of every program: environment variables, read once, all faults told together.

A variable that is unset is looked up in the `env` file of the data directory, which `earshot up` writes.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, IPvAnyNetwork, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.stages import STAGES

DEFAULT_DATA_DIR = Path(".earshot")


def read_network(value: object) -> object:
    """Read a network by its first address; what else it may mean is told."""
    if not isinstance(value, str):
        return value
    try:
        meant = ip_network(value, strict=False)
    except ValueError as error:
        raise ValueError("is no network such as 10.1.0.0/16") from error
    try:
        return ip_network(value)
    except ValueError as error:
        raise ValueError(f"has host bits set; did you mean {meant}?") from error


def of_form(pattern: str, told: str) -> AfterValidator:
    """Have a text be of a form, which is told in words where it is not."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(told)
        return value

    return AfterValidator(check)


Names = Annotated[tuple[str, ...], NoDecode]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode]
Networks = Annotated[tuple[Annotated[IPvAnyNetwork, BeforeValidator(read_network)], ...], NoDecode]
Address = Annotated[str, of_form(r"https?://\S+", "must begin with http:// or https://, and have no spaces")]
ImportedName = Annotated[str, of_form(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", "must be written as module:object")]


class SettingsError(Exception):
    """One or more settings are missing or wrong; the message names each of them, and no value but a network's."""


class Settings(BaseSettings):
    """Everything a program can be told, by the names of docs/reference/settings.md in lower case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    redis_url: SecretStr | None = None
    database_url: SecretStr | None = None
    webhook_secrets: Secrets = ()
    console_tokens: Secrets = ()
    stages: Names = STAGES

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    ingest_workers: int = Field(default=1, ge=1, le=64)
    ingest_threads: int = Field(default=8, ge=1, le=256)
    max_body_bytes: int = Field(default=10 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    publish_seconds: float = Field(default=4, gt=0, le=15)
    spool_dir: Path = DEFAULT_DATA_DIR / "spool"
    spool_max_bytes: int = Field(default=1024**3, ge=1024 * 1024)

    console_port: int = Field(default=8001, ge=1, le=65535)
    console_threads: int = Field(default=16, ge=2, le=256)
    console_streams: int = Field(default=200, ge=1, le=2000)
    console_url: Address | None = None
    slow_turn_ms: int = Field(default=3000, ge=1, le=600_000)

    sentiment_scorer: ImportedName = "workers.vader:scorer"

    alerts_file: Path | None = None
    alert_webhook_url: SecretStr | None = None
    alert_webhook_secret: SecretStr | None = None
    alert_slack_url: SecretStr | None = None
    alert_smtp_url: SecretStr | None = None
    alert_email_from: str | None = None
    alert_email_to: Names = ()
    alert_allowed_networks: Networks = ()
    alert_personal_data: bool = False
    alert_attempts: int = Field(default=200, ge=1, le=10_000)
    alert_timeout_seconds: float = Field(default=10, gt=0, le=25)

    batch_size: int = Field(default=500, ge=1, le=2000)
    batch_bytes: int = Field(default=8 * 1024 * 1024, ge=1024, le=1024 * 1024 * 1024)
    job_attempts: int = Field(default=5, ge=1, le=100)
    job_timeout_seconds: int = Field(default=30, ge=1, le=3600)
    lease_margin_seconds: int = Field(default=5, ge=1, le=3600)
    worker_ttl_seconds: int = Field(default=30, ge=20, le=3600)
    maintenance_seconds: int = Field(default=5, ge=1, le=3600)
    recovery_seconds: int = Field(default=60, ge=5, le=3600)
    dead_letter_days: int = Field(default=0, ge=0, le=36500)
    receipt_days: int = Field(default=14, ge=1, le=3650)
    redis_timeout_seconds: float = Field(default=5, gt=0, le=60)
    database_timeout_seconds: float = Field(default=10, gt=0, le=600)
    prepare_statements: bool = True

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator(
        "webhook_secrets", "console_tokens", "stages", "alert_email_to", "alert_allowed_networks", mode="before"
    )
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return _split(value) if isinstance(value, str) else value

    @field_validator("stages")
    @classmethod
    def _know_every_stage(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError(f"names no stage; known are {', '.join(STAGES)}")
        unknown = sorted(set(value) - set(STAGES))
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(STAGES)}")
        return value


def load_settings(needs: Iterable[str] = (), data_dir: Path = DEFAULT_DATA_DIR) -> Settings:
    """Read the environment, then `data_dir`/env for what it leaves unset.

    `needs` are the variables without which the calling program cannot run. Raises SettingsError, which tells of every
    missing and every wrong one at once.
    """
    faults: list[str] = []
    settings = Settings.model_construct()
    try:
        settings = Settings(_env_file=data_dir / "env")  # type: ignore[call-arg]  # pydantic-settings' own argument
        if "spool_dir" not in settings.model_fields_set:
            settings = settings.model_copy(update={"spool_dir": data_dir / "spool"})
    except ValidationError as error:
        faults = [_describe(fault["loc"], fault["msg"]) for fault in error.errors()]
    named = {fault.split(":")[0] for fault in faults}
    faults += [f"{name}: is not set" for name in needs if name not in named and not getattr(settings, name.lower())]
    if faults:
        raise SettingsError(_report(faults, data_dir))
    return settings


def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _describe(location: tuple[int | str, ...], message: str) -> str:
    number = f"number {location[1] + 1}: " if len(location) > 1 and isinstance(location[1], int) else ""
    return f"{str(location[0]).upper()}: {number}{message.removeprefix('Value error, ')}"


def _report(faults: list[str], data_dir: Path) -> str:
    listed = "\n".join(f"  {fault}" for fault in faults)
    return f"These settings need attention (in the environment or in {data_dir / 'env'}):\n{listed}"
