"""What is sent by each channel: signed, escaped, and the same notice always by the same id."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from tests.unit.workers.delivery.test_wording import FACTS, RESOLVED_AT
from workers.delivery.facts import Personal
from workers.delivery.mail import Addresses, mail_message
from workers.delivery.slack import slack_post
from workers.delivery.webhook import webhook_post

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
URL = "https://hooks.example/T0/B0"
CONSOLE = "https://console.example"
ADDRESSES = Addresses("Earshot <alerts@example.org>", ("ops@example.org", "Dr. Who <who@example.org>"))
HOSTILE = replace(FACTS, call_id="WC<!channel>&\r\nBcc: eve@example.org", rule="a\r\nrule")


def webhook(facts=FACTS, now=None):
    """Write the post of a webhook."""
    return webhook_post(facts, URL, SECRET, CONSOLE, now or datetime.now(UTC))


def test_the_official_library_verifies_the_signature():
    """A receiver that uses Standard Webhooks' own library accepts what is posted, and nothing that was changed."""
    post = webhook()
    verifier = Webhook(SECRET)
    assert verifier.verify(post.body, dict(post.headers)) == json.loads(post.body)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(post.body.replace(b"angry", b"happy"), dict(post.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + base64.b64encode(b"x" * 32).decode()).verify(post.body, dict(post.headers))


def test_a_notice_keeps_its_id_and_is_signed_anew():
    """Sent twice it has the same webhook-id, and the time of the attempt; raised and resolved are two."""
    first, second = webhook(), webhook(now=datetime(2030, 1, 1, tzinfo=UTC))
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.headers["webhook-timestamp"] == "1893456000"
    assert webhook(replace(FACTS, what="resolved")).headers["webhook-id"] != first.headers["webhook-id"]


def test_the_body_of_a_webhook_has_the_facts():
    """Type, time and facts; what there is not is null, and what is personal is missing."""
    content = json.loads(webhook(replace(FACTS, what="resolved", resolved_at=RESOLVED_AT, message_id="")).body)
    assert (content["type"], content["timestamp"]) == ("alert.resolved", "2026-11-23T09:30:00Z")
    assert content["data"] == {
        "alert_id": "ab" * 16,
        "rule": "angry",
        "severity": "critical",
        "summary": "A caller sounds upset: a message is negative with a confidence of 91.2 %."
        " It is over since 2026-11-23 09:30:00 UTC.",
        "call_id": "WC-1",
        "message_id": None,
        "subject": None,
        "began_at": "2026-11-23T09:11:00Z",
        "raised_at": "2026-11-23T09:12:00Z",
        "resolved_at": "2026-11-23T09:30:00Z",
        "detail": {"kind": "negative_sentiment", "confidence": 0.912, "threshold": 0.8},
        "console_url": "https://console.example/calls/WC-1",
    }


def test_personal_data_is_added_where_it_is_known():
    """A webhook's body then has the message's text, cut, and the number."""
    content = json.loads(webhook(replace(FACTS, personal=Personal("x" * 400, "+15550100"))).body)
    assert content["data"]["message_text"] == "x" * 300 + "..."
    assert content["data"]["caller_number"] == "+15550100"


def test_no_text_from_outside_mentions_anybody_in_slack():
    """What would be a mention or a link in Slack is shown as it is written; the only link is ours."""
    content = json.loads(slack_post(HOSTILE, URL, CONSOLE).body)
    texts = [content["text"], *(block["text"]["text"] for block in content["blocks"])]
    assert not any("<!" in text or "\r" in text for text in texts)
    assert any("WC&lt;!channel&gt;&amp;" in text for text in texts)
    assert [text for text in texts if "<" in text] == [texts[-1]]
    assert texts[-1].startswith("<https://console.example/calls/WC%3C%21channel%3E")
    assert all(block["text"]["verbatim"] for block in content["blocks"])


def test_slack_takes_what_is_posted():
    """A text of one line for where blocks are not shown, and blocks of text below Slack's limit."""
    content = json.loads(slack_post(replace(FACTS, call_id="x" * 5000), URL, None).body)
    assert content["text"].startswith("[critical] angry: A caller sounds upset")
    assert all(0 < len(block["text"]["text"]) < 3000 for block in content["blocks"])


def mail(facts=FACTS):
    """Write the e-mail."""
    return mail_message(facts, ADDRESSES, CONSOLE, datetime.now(UTC))


def test_an_email_tells_what_where_and_since_when():
    """The subject has severity and rule; the text has the rest."""
    message = mail()
    assert message["Subject"].startswith("[critical] angry: A caller sounds upset")
    text = message.get_content()
    for told in ("WC-1", "2026-11-23 09:11:00 UTC", "https://console.example/calls/WC-1?turn=user-3#message-user-3"):
        assert told in text
    assert [str(address) for address in message["To"].addresses] == ["ops@example.org", '"Dr. Who" <who@example.org>']


def test_an_email_keeps_its_id_and_the_end_answers_the_beginning():
    """The same notice has the same Message-ID; that of the end refers to that of the beginning."""
    assert mail()["Message-ID"] == mail()["Message-ID"] == f"<{'ab' * 16}-raised@example.org>"
    assert mail(replace(FACTS, what="resolved"))["In-Reply-To"] == mail()["Message-ID"]


def test_nothing_from_outside_becomes_a_header():
    """Line breaks in ids and names end up as blanks."""
    message = mail(HOSTILE)
    assert "Bcc" not in message
    assert b"\nBcc" not in message.as_bytes()
