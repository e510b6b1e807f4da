"""The application on an in-process Redis, and builders of webhooks as they come over HTTP."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakeredis import FakeRedis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ingest.app import create_app
from shared.settings import Settings

SECRET = "first-secret-in-use"
NEXT_SECRET = "the-one-to-replace-it"

Post = Callable[..., TestResponse]


@pytest.fixture
def redis() -> FakeRedis:
    """An empty Redis inside this process; it knows neither INFO nor CONFIG."""
    return FakeRedis()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with two valid secrets, a small limit and a spool of the test's own."""
    return Settings(webhook_secrets=f"{SECRET},{NEXT_SECRET}", max_body_bytes=400_000, spool_dir=tmp_path / "spool")


@pytest.fixture
def client(settings: Settings, redis: FakeRedis) -> FlaskClient:
    """A client of the application."""
    return create_app(settings, redis).test_client()


@pytest.fixture
def post(client: FlaskClient) -> Post:
    """Post a body as the platform does, unless told otherwise; a header of None is left out."""

    def send(body: bytes, **headers: str | None) -> TestResponse:
        sent = {"x-interactly-secret": SECRET, "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in sent.items() if value is not None}
        return client.post("/webhooks/interactly", data=body, headers=kept)

    return send


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """Tell the log lines written so far: their fields, with `name` and `level`."""
    caplog.set_level(logging.INFO, "earshot")

    def read() -> list[dict[str, Any]]:
        return [{"name": one.getMessage(), "level": one.levelname, **one.__dict__["fields"]} for one in caplog.records]

    return read


def webhook(event_type: str = "conversation-update", *, call_id: Any = "WC-1", **parts: Any) -> bytes:
    """Build the body of an event."""
    return json.dumps({"message": {"type": event_type, "call": {"id": call_id}, **parts}}).encode()
