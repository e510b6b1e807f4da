"""A notice as an e-mail, in plain text. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from workers.delivery.facts import Facts
from workers.delivery.wording import headline, lines, link, summarize


@dataclass(frozen=True, slots=True)
class Addresses:
    """Who writes to whom."""

    sender: str
    recipients: Sequence[str]


def mail_message(facts: Facts, addresses: Addresses, console_url: str | None, now: datetime) -> EmailMessage:
    """Write the e-mail: the same notice has the same Message-ID, and the end of an alert answers its beginning."""
    message = EmailMessage(policy=SMTP)
    message["From"] = addresses.sender
    message["To"] = ", ".join(addresses.recipients)
    message["Subject"] = headline(facts)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = _message_id(facts.delivery_id, addresses.sender)
    if facts.what == "resolved":
        message["In-Reply-To"] = message["References"] = _message_id(f"{facts.alert_id}-raised", addresses.sender)
    # Nobody's absence notes are wanted in return.
    message["Auto-Submitted"] = "auto-generated"
    known = [*lines(facts), ("See", link(facts, console_url))]
    told = [f"{label}: {text}" for label, text in known if text]
    message.set_content("\n".join([summarize(facts), "", *told, ""]))
    return message


def _message_id(delivery_id: str, sender: str) -> str:
    domain = Address(addr_spec=parseaddr(sender)[1]).domain
    return f"<{delivery_id}@{domain}>"
