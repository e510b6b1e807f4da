"""Hand an e-mail to a server: guarded, under one deadline, and no password over a line that can be read."""

import smtplib
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from typing import BinaryIO
from urllib.parse import SplitResult, unquote, urlsplit

from shared.errors import NotDelivered, NotTaken, Unconfirmed, Undeliverable
from workers.delivery.connection import connect, connection_faults_told, fault_of
from workers.delivery.deadline import Deadline
from workers.delivery.guard import Guard

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
GO_AHEAD = 354
# smtplib gathers the lines of an answer for as long as there come more.
MOST_BYTES = 64 * 1024


def send_mail(message: EmailMessage, url: str, guard: Guard, deadline: Deadline) -> str:
    """Hand over an e-mail, and say what became of it. Raises NotDelivered and Undeliverable.

    It counts as delivered when the server takes it for one of its recipients: another attempt would reach that twice.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise Undeliverable("the mail server's address is none")
    connection = connect(parts.hostname, parts.port or PORTS[parts.scheme], guard, deadline)
    with connection, deadline.cutting(connection), connection_faults_told(deadline):
        try:
            return _hand_over(message, parts, connection)
        except smtplib.SMTPException as error:
            raise _told(error, deadline) from None


class _Session(smtplib.SMTP):
    """A session over a connection that is there already."""

    def __init__(self, host: str, connection: socket.socket) -> None:
        self._connection = connection
        self._last_code = 0
        # Its own guess at the name of this machine would ask name servers, for as long as they like.
        super().__init__(host, local_hostname=_literal(connection))

    def hand_over(self, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        """Send a message, and give who of its recipients was refused. Raises Unconfirmed, and what smtplib raises."""
        try:
            return self.send_message(message)
        except (OSError, smtplib.SMTPServerDisconnected):
            if self._last_code == GO_AHEAD:
                raise Unconfirmed("the mail server was sent the message, and did not say whether it takes it") from None
            raise

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        del host, port, timeout
        return self._connection

    def getreply(self) -> tuple[int, bytes]:
        """Read an answer, and no more than some bytes in the whole session."""
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        code, text = super().getreply()
        self._last_code = code
        return code, text


class _Bounded:
    """What a server says, up to an end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MOST_BYTES

    def readline(self, size: int) -> bytes:
        """Read a line. Raises OSError once it has been too much."""
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError
        return line

    def close(self) -> None:
        """Close it."""
        self._file.close()


def _hand_over(message: EmailMessage, parts: SplitResult, connection: socket.socket) -> str:
    host = parts.hostname or ""
    if parts.scheme == "smtps":
        connection = ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    session = _Session(host, connection)
    try:
        session.ehlo_or_helo_if_needed()
        if parts.scheme != "smtps":
            _encrypt(session, parts)
        if parts.username:
            _log_in(session, parts)
        refused = session.hand_over(message)
        with suppress(smtplib.SMTPException, OSError):  # it has taken it
            session.quit()
    finally:
        session.close()
    return _outcome(refused, message)


def _encrypt(session: smtplib.SMTP, parts: SplitResult) -> None:
    if session.has_extn("starttls"):
        session.starttls(context=_context(parts))
        session.ehlo()
    elif parts.scheme == "smtp+starttls":
        raise NotTaken("the mail server does not offer STARTTLS")


def _context(parts: SplitResult) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if parts.scheme == "smtp" and not parts.username:
        # Without encryption it would be sent as well: a certificate of the server's own making is no worse.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _log_in(session: smtplib.SMTP, parts: SplitResult) -> None:
    if not isinstance(session.sock, ssl.SSLSocket):
        raise NotTaken("the mail server offers no encryption, and a password is not sent without")
    session.login(unquote(parts.username or ""), unquote(parts.password or ""))


def _outcome(refused: dict[str, tuple[int, bytes]], message: EmailMessage) -> str:
    if not refused:
        return "250"
    return f"250, {len(refused)} of {len(message['To'].addresses)} recipients refused"


def _told(error: smtplib.SMTPException, deadline: Deadline) -> NotDelivered:
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return NotDelivered(fault_of(error, deadline))
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NotTaken("the mail server cannot do what is needed: to log in, or to take these addresses")
    codes = ", ".join(map(str, _codes_of(error)))
    return NotTaken(f"the mail server answered {codes or type(error).__name__}")


def _codes_of(error: smtplib.SMTPException) -> Sequence[int]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return sorted({code for code, _ in error.recipients.values()})
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []


def _literal(connection: socket.socket) -> str:
    address = connection.getsockname()[0]
    return f"[IPv6:{address}]" if connection.family == socket.AF_INET6 else f"[{address}]"
