"""The channels by which notices of alerts go out: which are in use, and whether their settings are right. Pure."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from email.errors import MessageError
from email.policy import default as policy
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from shared.settings import Settings, SettingsError
from shared.stages import CHANNELS

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets of Standard Webhooks begin with
SECRET_BYTES = range(24, 65)
HOW_TO_MAKE_ONE = 'make one with: echo "whsec_$(openssl rand -base64 32)"'
MOST_RECIPIENTS = 50
LONGEST_URL = 2048

_PRINTABLE = re.compile(r"[!-~]+")
_AFTER_HOST = re.compile(r"[/?#]")


def channels_of(settings: Settings) -> tuple[str, ...]:
    """Name the channels that are set up, in the order of CHANNELS. Raises SettingsError, which tells of every fault."""
    faults = [fault for channel in CHANNELS if is_set_up(settings, channel) for fault in _FAULTS[channel](settings)]
    if faults:
        told = "\n".join(f"  {fault}" for fault in faults)
        raise SettingsError(f"These settings of alerts need attention:\n{told}")
    return tuple(channel for channel in CHANNELS if is_set_up(settings, channel))


def is_set_up(settings: Settings, channel: str) -> bool:
    """Say whether any setting of a channel is set, so that it is to be used."""
    return any(getattr(settings, name) for name in SETTINGS_OF[channel])


SETTINGS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "webhook": ("alert_webhook_url", "alert_webhook_secret"),
        "slack": ("alert_slack_url",),
        "email": ("alert_smtp_url", "alert_email_from", "alert_email_to"),
    }
)


def _webhook_faults(settings: Settings) -> Iterator[str]:
    yield from _missing(settings, "webhook")
    yield from _url_faults("ALERT_WEBHOOK_URL", settings.alert_webhook_url)
    if settings.alert_webhook_secret and not _is_secret(settings.alert_webhook_secret.get_secret_value()):
        yield f"ALERT_WEBHOOK_SECRET: must be {SECRET_PREFIX} and base64 of 24 to 64 bytes; {HOW_TO_MAKE_ONE}"


def _slack_faults(settings: Settings) -> Iterator[str]:
    yield from _url_faults("ALERT_SLACK_URL", settings.alert_slack_url)


def _email_faults(settings: Settings) -> Iterator[str]:
    yield from _missing(settings, "email")
    if settings.alert_smtp_url:
        yield from _told("ALERT_SMTP_URL", _smtp_fault(settings.alert_smtp_url.get_secret_value()))
    if settings.alert_email_from and not is_address(settings.alert_email_from):
        yield "ALERT_EMAIL_FROM: is no e-mail address"
    if len(settings.alert_email_to) > MOST_RECIPIENTS:
        yield f"ALERT_EMAIL_TO: has more than {MOST_RECIPIENTS} addresses"
    for number, address in enumerate(settings.alert_email_to, start=1):
        if not is_address(address):
            hint = "; separate addresses by commas" if address.count("@") > 1 else ""
            yield f"ALERT_EMAIL_TO: number {number} is no e-mail address{hint}"


_FAULTS: Mapping[str, Callable[[Settings], Iterator[str]]] = MappingProxyType(
    {"webhook": _webhook_faults, "slack": _slack_faults, "email": _email_faults}
)


def _missing(settings: Settings, channel: str) -> Iterator[str]:
    names = SETTINGS_OF[channel]
    given = ", ".join(name.upper() for name in names if getattr(settings, name))
    for name in names:
        if not getattr(settings, name):
            hint = f"; {HOW_TO_MAKE_ONE}" if name == "alert_webhook_secret" else ""
            yield f"{name.upper()}: is not set; it is needed beside {given}{hint}"


def _url_faults(name: str, url: SecretStr | None) -> Iterator[str]:
    if url:
        yield from _told(name, _http_fault(url.get_secret_value()))


def _told(name: str, fault: str) -> Iterator[str]:
    if fault:
        yield f"{name}: {fault}"


def _http_fault(url: str) -> str:
    if fault := _text_fault(url, ("https://", "http://")):
        return fault
    if "@" in _cut(url)[0]:
        return "must not have a user or password in it"
    if "#" in url:
        return "must not have a fragment (#)"
    return _place_fault(url)


def _smtp_fault(url: str) -> str:
    if fault := _text_fault(url, ("smtp+starttls://", "smtps://", "smtp://")):
        return fault
    # Looked for before the port: of `user:p#ss@host` an address has the host `user` and the port `p`.
    if _cut(url)[1] not in ("", "/"):
        return "must end with the host or the port; a password's special characters are written with %"
    return _place_fault(url)


def _cut(url: str) -> tuple[str, str]:
    """Part an address into the host with what belongs to it, and all that follows."""
    rest = url.partition("://")[2]
    host = _AFTER_HOST.split(rest, maxsplit=1)[0]
    return host, rest.removeprefix(host)


def _text_fault(url: str, beginnings: tuple[str, ...]) -> str:
    if not url.lower().startswith(beginnings):
        return f"must be an address that begins with {', '.join(beginnings[:-1])} or {beginnings[-1]}"
    if len(url) > LONGEST_URL:
        return f"must have at most {LONGEST_URL} characters"
    if not _PRINTABLE.fullmatch(url):
        return "has a character that is not allowed, such as a space; in a path or a password it is written with %"
    return ""


def _place_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "has brackets that hold no IPv6 address; in a path or a password they are written with %"
    if not parts.hostname:
        return "must name a host"
    return "" if _is_port(parts) else "names no port that there is: they go from 1 to 65535"


def _is_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _is_secret(secret: str) -> bool:
    if not secret.startswith(SECRET_PREFIX):
        return False
    try:
        return len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)) in SECRET_BYTES
    except binascii.Error:
        return False


def is_address(text: str) -> bool:
    """Say whether a text is one e-mail address, with or without a name before it; ASCII, as every server takes it."""
    if not text.isascii() or not text.isprintable():
        return False
    try:
        header = policy.header_factory("from", text)
    except (MessageError, ValueError, IndexError):
        return False
    addresses = header.addresses
    is_single = len(addresses) == 1 and header.groups[0].display_name is None
    return is_single and not header.defects and bool(addresses[0].username and addresses[0].domain)
