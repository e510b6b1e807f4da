"""The channels of alerts: in use when they are set up, and refused with every fault when they are set up by half."""

import base64

import pytest

from shared.alerting.channels import HOW_TO_MAKE_ONE, channels_of, is_address
from shared.settings import Settings, SettingsError
from shared.stages import CHANNELS

SECRET = "whsec_" + base64.b64encode(b"thirty-two-bytes-of-a-secret-key").decode()
WEBHOOK = {"alert_webhook_url": "https://hooks.example/alerts?team=7", "alert_webhook_secret": SECRET}
SLACK = {"alert_slack_url": "https://hooks.slack.example/services/T0/B0/word"}
EMAIL = {
    "alert_smtp_url": "smtp+starttls://alerts:p%40ss@mail.example:587",
    "alert_email_from": "Earshot <alerts@example.com>",
    "alert_email_to": ("ann@example.com", "bob@example.com"),
}


def faults_of(**given: object) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        channels_of(Settings(**given))
    first, *told = str(raised.value).splitlines()
    assert first == "These settings of alerts need attention:"
    return [line.strip() for line in told]


@pytest.mark.parametrize(
    ("given", "channels"),
    [
        ({}, ()),
        (EMAIL, ("email",)),
        ({**EMAIL, **WEBHOOK}, ("webhook", "email")),
        ({**EMAIL, **SLACK, **WEBHOOK}, CHANNELS),
    ],
)
def test_a_channel_is_in_use_when_it_is_set_up(given: dict[str, object], channels: tuple[str, ...]):
    """None by default; those in use come in one order, however they are set."""
    assert channels_of(Settings(**given)) == channels


def test_every_fault_of_every_channel_is_told_at_once():
    """With the setting's name; what is missing beside what is there, and how to make it."""
    assert faults_of(
        alert_webhook_url="http://user:word@hooks.example/",
        alert_slack_url="ftp://hooks.slack.example",
        alert_email_to=("ann@example.com", "bob"),
        alert_email_from="nobody",
    ) == [
        f"ALERT_WEBHOOK_SECRET: is not set; it is needed beside ALERT_WEBHOOK_URL; {HOW_TO_MAKE_ONE}",
        "ALERT_WEBHOOK_URL: must not have a user or password in it",
        "ALERT_SLACK_URL: must be an address that begins with https:// or http://",
        "ALERT_SMTP_URL: is not set; it is needed beside ALERT_EMAIL_FROM, ALERT_EMAIL_TO",
        "ALERT_EMAIL_FROM: is no e-mail address",
        "ALERT_EMAIL_TO: number 2 is no e-mail address",
    ]


@pytest.mark.parametrize("missing", [*WEBHOOK, *EMAIL])
def test_a_channel_that_is_set_by_half_is_refused(missing: str):
    """Each of its settings is needed, and the one that is missing is named."""
    given = {name: value for name, value in {**WEBHOOK, **EMAIL}.items() if name != missing}
    assert [told.partition(":")[0] for told in faults_of(**given)] == [missing.upper()]


@pytest.mark.parametrize(
    "url",
    [
        *(
            "hooks.example",
            "https://",
            "https:///path",
            "//hooks.example",
            "https://hooks.example:99999/",
            "https://h:0/",
        ),
        *(
            "https://hooks.example/a b",
            "https://hooks.example/\n",
            "https://[::1",
            "https://hooks.example/ä",
            "x" * 3000,
        ),
        *("https://@hooks.example/", "https://hooks.example/#part"),
    ],
)
@pytest.mark.parametrize("name", ["alert_webhook_url", "alert_slack_url"])
def test_an_address_that_cannot_be_posted_to_is_refused(name: str, url: str):
    """Nothing else is told of it: it may hold a secret."""
    given = {**WEBHOOK, name: url}
    told = faults_of(**given)
    assert [line.partition(":")[0] for line in told] == [name.upper()]
    assert "hooks" not in told[0]


@pytest.mark.parametrize(
    "secret",
    [
        "word",
        "whsec_",
        "whsec_!",
        SECRET.removeprefix("whsec_"),
        f"{SECRET}x",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
    ],
)
def test_a_secret_that_signs_nothing_is_refused(secret: str):
    """It is base64 of 24 to 64 bytes behind its prefix; the message tells how to make one, and not the one there is."""
    (told,) = faults_of(**{**WEBHOOK, "alert_webhook_secret": secret})
    assert told.startswith("ALERT_WEBHOOK_SECRET: must be whsec_ and base64 of 24 to 64 bytes; make one with")
    assert secret in ("whsec_", "word") or secret not in told


@pytest.mark.parametrize("size", [24, 64])
def test_a_secret_of_the_size_that_is_asked_for_is_taken(size: int):
    """Both ends count."""
    secret = "whsec_" + base64.b64encode(b"x" * size).decode()
    assert channels_of(Settings(**{**WEBHOOK, "alert_webhook_secret": secret})) == ("webhook",)


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtp://h/?a=b", "smtps://h/path"])
def test_an_address_of_no_mail_server_is_refused(url: str):
    """It has a scheme of mail, a host, perhaps a port and who logs in."""
    (told,) = faults_of(**{**EMAIL, "alert_smtp_url": url})
    assert told.startswith("ALERT_SMTP_URL: must ")


@pytest.mark.parametrize("url", ["smtp://mail.example", "smtps://u:p@mail.example/", "smtp+starttls://[::1]:2525"])
def test_an_address_of_a_mail_server_is_taken(url: str):
    """With encryption from the beginning, later, or where the server offers it."""
    assert channels_of(Settings(**{**EMAIL, "alert_smtp_url": url})) == ("email",)


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("alert_slack_url", "https://ex ample.com/", "has a character that is not allowed, such as a space"),
        ("alert_slack_url", "https://exämple.com/", "has a character that is not allowed, such as a space"),
        ("alert_slack_url", "https://a.b:99999/", "names no port that there is: they go from 1 to 65535"),
        ("alert_slack_url", "https://a.b:0/", "names no port that there is"),
        ("alert_slack_url", "https://", "must name a host"),
        ("alert_slack_url", "https://[::1/", "has brackets that hold no IPv6 address"),
        ("alert_slack_url", "https://a.b/" + "c" * 2048, "must have at most 2048 characters"),
        (
            "alert_smtp_url",
            "smtps://us:p#ss@host",
            "must end with the host or the port; a password's special characters",
        ),
        (
            "alert_smtp_url",
            "smtps://us:p/ss@host",
            "must end with the host or the port; a password's special characters",
        ),
        ("alert_smtp_url", "smtps://us:p ss@host", "has a character that is not allowed, such as a space"),
        ("alert_smtp_url", "smtps://us:p[ss@host", "has brackets that hold no IPv6 address; in a path or a password"),
        ("alert_smtp_url", "smtps://us:password", "names no port that there is"),
        (
            "alert_smtp_url",
            "mail.example:25",
            "must be an address that begins with smtp+starttls://, smtps:// or smtp://",
        ),
    ],
)
def test_what_is_wrong_with_an_address_is_told(name: str, url: str, told: str):
    """Its true reason: what begins as it must is not told to begin so."""
    (line,) = faults_of(**{**(EMAIL if name in EMAIL else {}), name: url})
    assert line.startswith(f"{name.upper()}: {told}")


@pytest.mark.parametrize("listed", ["ann@example.com;bob@example.com", "ann@example.com bob@example.com"])
def test_addresses_that_are_parted_otherwise_are_told_of_the_comma(listed: str):
    """Who parts them as mail programs do learns what is meant."""
    (told,) = faults_of(**{**EMAIL, "alert_email_to": (listed,)})
    assert told == "ALERT_EMAIL_TO: number 1 is no e-mail address; separate addresses by commas"


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        *((text, True) for text in ("ann@example.com", "Ann <ann@example.com>", '"Ann, B" <a@b>', "a+b@c.example")),
        *((text, False) for text in ("", "ann", "ann@", "@b", "a@b, c@d", "a b@c", "team: a@b;", "<a@b> x", "é@b.c")),
        *((text, False) for text in ("a@b\r\nBcc: c@d", "a@b\nx", "a@b\0", '"a\\\r\n b" <a@b>')),
    ],
)
def test_what_is_an_address_of_e_mail(text: str, holds: bool):
    """One, whole, and without anything that could begin another line of a header."""
    assert is_address(text) is holds


def test_no_more_recipients_than_a_server_takes():
    """A long list belongs to a mailing list."""
    (told,) = faults_of(**{**EMAIL, "alert_email_to": ("ann@example.com",) * 51})
    assert told == "ALERT_EMAIL_TO: has more than 50 addresses"
