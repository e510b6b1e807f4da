"""Send one notice by the channel it is for, as the settings have it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from pydantic import SecretStr

from shared.alerting.channels import channels_of
from shared.errors import NotDelivered
from shared.settings import Settings, SettingsError
from workers.delivery.deadline import Deadline
from workers.delivery.facts import Facts
from workers.delivery.guard import Guard
from workers.delivery.mail import Addresses, mail_message
from workers.delivery.posting import send_post
from workers.delivery.slack import slack_post
from workers.delivery.smtp import send_mail
from workers.delivery.webhook import webhook_post

# Sends, and says in a few characters what the other side answered. Raises NotDelivered and Undeliverable.
Send = Callable[[Facts], str]


def sender_of(channel: str, settings: Settings) -> Send:
    """Make what sends by a channel. Raises NotDelivered where the channel is not set up, or wrongly."""
    try:
        is_in_use = channel in channels_of(settings)
    except SettingsError:
        is_in_use = False
    if not is_in_use:
        raise NotDelivered("the channel is not set up in the settings of this worker")
    guard = Guard(settings.alert_allowed_networks)
    return lambda facts: _SENDERS[channel](facts, settings, guard, Deadline(settings.alert_timeout_seconds))


def _send_webhook(facts: Facts, settings: Settings, guard: Guard, deadline: Deadline) -> str:
    url, secret = _plain(settings.alert_webhook_url), _plain(settings.alert_webhook_secret)
    return send_post(webhook_post(facts, url, secret, settings.console_url, datetime.now(UTC)), guard, deadline)


def _send_slack(facts: Facts, settings: Settings, guard: Guard, deadline: Deadline) -> str:
    return send_post(slack_post(facts, _plain(settings.alert_slack_url), settings.console_url), guard, deadline)


def _send_email(facts: Facts, settings: Settings, guard: Guard, deadline: Deadline) -> str:
    addresses = Addresses(settings.alert_email_from or "", settings.alert_email_to)
    message = mail_message(facts, addresses, settings.console_url, datetime.now(UTC))
    return send_mail(message, _plain(settings.alert_smtp_url), guard, deadline)


_SENDERS: Mapping[str, Callable[[Facts, Settings, Guard, Deadline], str]] = MappingProxyType(
    {"webhook": _send_webhook, "slack": _send_slack, "email": _send_email}
)


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
