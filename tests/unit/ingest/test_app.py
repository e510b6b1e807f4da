"""What the application answers beside webhooks."""

import pytest

from ingest.app import create_app
from shared.settings import Settings, SettingsError


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_a_webhook_can_only_be_posted(client, method):
    """Any other method is told so, in JSON."""
    answer = client.open("/webhooks/interactly", method=method)
    assert (answer.status_code, answer.headers["Allow"], answer.content_type) == (405, "POST", "application/json")


@pytest.mark.parametrize("path", ["/", "/webhooks", "/webhooks/interactly/x", "/static/x"])
def test_there_is_nothing_elsewhere(client, path):
    """An unknown path is told so, in JSON."""
    answer = client.post(path)
    assert (answer.status_code, answer.json) == (404, {"error": "not found"})


def test_a_trailing_slash_does_not_lose_events(client):
    """A URL configured with a slash at its end reaches the same endpoint, without a redirection."""
    assert client.post("/webhooks/interactly/").status_code == 401


def test_the_health_check_needs_nothing(client, lines):
    """It answers without a secret and without Redis, and is not logged."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json, lines()) == (200, {"status": "ok"}, [])


@pytest.mark.parametrize("secrets", ["", ",", " , "])
def test_there_is_no_application_without_a_secret(redis, secrets):
    """Nobody could be told from a stranger."""
    with pytest.raises(SettingsError, match="WEBHOOK_SECRETS"):
        create_app(Settings(webhook_secrets=secrets), redis)


@pytest.mark.parametrize("secret", ["sécret-of-ours", "tab\tbed", "a\nb"])
def test_a_secret_that_no_header_can_carry_is_refused_at_once(redis, secret):
    """Otherwise every webhook would be refused, and nobody would know why."""
    with pytest.raises(SettingsError, match="WEBHOOK_SECRETS") as refusal:
        create_app(Settings(webhook_secrets=secret), redis)
    assert secret not in str(refusal.value)
