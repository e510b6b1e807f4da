"""Notices by Slack's webhook and by e-mail, to real receivers."""

import socket
import time

import pytest

from shared.dead_letters import DeadLetters
from shared.errors import NotDelivered, NotTaken, Unconfirmed
from shared.filters import DeadLetterFilter
from shared.settings import Settings
from tests.integration.test_worker import leftovers, work_off
from tests.notices import LOOPBACK, Desk, let_time_pass
from tests.receivers import HttpReceiver, SmtpReceiver, admit, raw_receiver, server_context, trust_authority
from tests.unit.workers.delivery.test_contents import mail
from workers.delivery.deadline import Deadline
from workers.delivery.guard import Guard
from workers.delivery.smtp import send_mail

GUARD = Guard(Settings(alert_allowed_networks="127.0.0.0/8").alert_allowed_networks, lambda _: ["127.0.0.1"])
PASSWORD = "earshot:se%3Acret%401"


@pytest.fixture
def desk(database, store, redis) -> Desk:
    """What raises alerts."""
    return Desk(database, store, redis)


def send(port: int, scheme: str = "smtp", user: str = "", seconds: float = 5) -> str:
    """Send an e-mail to a port of this machine."""
    url = f"{scheme}://{user}{'@' if user else ''}localhost:{port}"
    return send_mail(mail(), url, GUARD, Deadline(seconds))


def test_a_notice_arrives_by_slack(desk, redis, settings_of_programs, tmp_path):
    """The channel has its own queue and worker; what is posted is what Slack takes."""
    with HttpReceiver() as receiver:
        desk.send(1, channel="slack")
        settings = {**settings_of_programs, **LOOPBACK, "ALERT_SLACK_URL": receiver.url}
        work_off("slack", settings, tmp_path / "log")
    assert receiver.taken[0].json["text"].startswith("[warning] hang: The assistant hangs")
    assert leftovers(redis) == []


def test_a_notice_arrives_by_email(desk, redis, settings_of_programs, tmp_path):
    """All recipients get it, with a link to the place in the call."""
    with SmtpReceiver() as receiver:
        desk.send(1, channel="email")
        alerting = {
            "ALERT_SMTP_URL": f"smtp://127.0.0.1:{receiver.port}",
            "ALERT_EMAIL_FROM": "alerts@example.org",
            "ALERT_EMAIL_TO": "a@example.org,b@example.org",
        }
        work_off("email", {**settings_of_programs, **LOOPBACK, **alerting}, tmp_path / "log")
    (message,) = receiver.mails
    assert message["To"] == "a@example.org, b@example.org"
    assert message["Message-ID"] == f"<{1:032x}-raised@example.org>"
    assert "https://console.example/calls/WC-1?turn=user-1#message-user-1" in message.get_content()
    assert leftovers(redis) == []


def test_a_refused_email_is_a_dead_letter_after_its_attempts(database, store, redis, settings_of_programs, tmp_path):
    """A mail server's 5xx is told by its number alone."""
    desk = Desk(database, store, redis, alert_attempts=1)
    with SmtpReceiver() as receiver:
        receiver.replies["a@example.org"] = "550 words of the server"
        desk.send(1, channel="email")
        alerting = {
            "ALERT_SMTP_URL": f"smtp://127.0.0.1:{receiver.port}",
            "ALERT_EMAIL_FROM": "alerts@example.org",
            "ALERT_EMAIL_TO": "a@example.org",
        }
        work_off("email", {**settings_of_programs, **LOOPBACK, **alerting}, tmp_path / "log")
    (letter,) = DeadLetters(redis, Settings()).survey(DeadLetterFilter(stage="email"), 5).letters
    assert letter.reason == "NotTaken: the mail server answered 550"
    assert "words of" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ("250 OK", "250 OK", "250"),
        ("550 No", "250 OK", "250, 1 of 2 recipients refused"),
        ("550 No", "551 No", NotTaken),
        ("450 Later", "550 No", NotTaken),
    ],
)
def test_what_a_mail_server_says_of_recipients_decides(first, second, outcome):
    """Taken for one is delivered; refused for all is tried again."""
    with SmtpReceiver() as receiver:
        receiver.replies = {"ops@example.org": first, "who@example.org": second}
        if isinstance(outcome, str):
            assert send(receiver.port) == outcome
            return
        with pytest.raises(outcome, match=r"the mail server answered \d+"):
            send(receiver.port)


def test_encryption_is_required_where_the_setting_says_so():
    """Without STARTTLS nothing is sent; nor is a password, by whatever setting."""
    with SmtpReceiver() as receiver:
        with pytest.raises(NotTaken, match="STARTTLS"):
            send(receiver.port, "smtp+starttls")
        with pytest.raises(NotTaken, match="password"):
            send(receiver.port, "smtp", PASSWORD)
        assert receiver.mails == []


def test_starttls_is_used_where_it_is_offered():
    """Without a user any certificate is better than none."""
    with SmtpReceiver(tls_context=server_context()) as receiver:
        assert send(receiver.port) == "250"
        assert receiver.was_encrypted == [True]


@pytest.mark.parametrize("scheme", ["smtp", "smtp+starttls"])
def test_a_password_goes_to_a_trusted_certificate_only(scheme, monkeypatch, tmp_path):
    """With a user the certificate is verified; then the password, special characters and all, is sent."""
    options = {"tls_context": server_context(), "authenticator": admit, "auth_required": True}
    with SmtpReceiver(**options) as receiver:
        with pytest.raises(NotDelivered, match="SSLCertVerificationError"):
            send(receiver.port, scheme, PASSWORD)
        trust_authority(monkeypatch, tmp_path)
        assert send(receiver.port, scheme, PASSWORD) == "250"
        with pytest.raises(NotTaken, match="535"):
            send(receiver.port, scheme, "earshot:wrong")


def test_implicit_encryption(monkeypatch, tmp_path):
    """`smtps` is encrypted from the beginning, and verified."""
    context = server_context()

    def greet(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.sendall(b"554 No\r\n")
            encrypted.recv(1)

    with raw_receiver(greet) as port:
        with pytest.raises(NotDelivered, match="SSLCertVerificationError"):
            send(port, "smtps")
        trust_authority(monkeypatch, tmp_path)
        with pytest.raises(NotTaken, match="554"):
            send(port, "smtps")


def _pour(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"220-for ever\r\n" * 1000)


def _drip(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"2")
        time.sleep(0.05)


def test_an_endless_answer_of_a_mail_server_ends_the_attempt():
    """It ends for the answer's size, and long before its deadline."""
    with raw_receiver(_pour) as port, pytest.raises(NotDelivered, match="connection failed"):
        send(port, seconds=60)


def _hang_up_on_the_message(connection: socket.socket) -> None:
    """Ask for a message, take some of it, and say nothing of what becomes of it."""
    lines = connection.makefile("rb")
    connection.sendall(b"220 mail.example ESMTP\r\n")
    while (command := lines.readline().strip().upper()) != b"DATA":
        connection.sendall(b"250 OK\r\n" if command else b"")
    connection.sendall(b"354 Go ahead\r\n")
    while lines.readline() != b".\r\n":
        pass
    connection.shutdown(socket.SHUT_RDWR)


def test_a_message_that_may_have_been_taken_is_sent_a_few_times_only(desk, redis, settings_of_programs, tmp_path):
    """The server had it three times, and nobody knows what became of it: it is a dead letter."""
    sent: list[int] = []
    desk.send(1, channel="email")
    with raw_receiver(lambda c: sent.append(1) or _hang_up_on_the_message(c)) as port:
        with pytest.raises(Unconfirmed):
            send(port)
        sent.clear()
        alerting = {"ALERT_SMTP_URL": f"smtp://127.0.0.1:{port}", "ALERT_EMAIL_TO": "a@example.org"}
        settings = {**settings_of_programs, **LOOPBACK, **alerting, "ALERT_EMAIL_FROM": "alerts@example.org"}
        for attempt in range(5):
            work_off("email", settings, tmp_path / f"log{attempt}")
            let_time_pass(redis, 100, "email")
    assert len(sent) == 3
    (letter,) = DeadLetters(redis, Settings()).survey(DeadLetterFilter(stage="email"), 5).letters
    assert letter.error == "Undeliverable"


@pytest.mark.parametrize("treat", [_pour, _drip, lambda c: c.close(), lambda _: time.sleep(2)])
def test_a_hostile_mail_server_is_left_alone(treat):
    """Endless, dripping, silent or gone: the attempt ends with its deadline, and can be repeated."""
    with raw_receiver(treat) as port, pytest.raises(NotDelivered):
        send(port, seconds=0.5)
