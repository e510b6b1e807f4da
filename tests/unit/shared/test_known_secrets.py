"""Telling who knows a secret from who does not."""

import hmac

import pytest
from pydantic import SecretStr

from shared.known_secrets import KnownSecrets
from shared.settings import SettingsError


@pytest.mark.parametrize("offered", ["one", "two", "three", "none of them"])
def test_every_secret_is_compared_whichever_is_right(monkeypatch, offered):
    """The number of comparisons, and the length of what is compared, do not depend on what is offered."""
    compared = []

    def compare(left, right):
        compared.append((len(left), len(right)))
        return hmac.compare_digest(left, right)

    monkeypatch.setattr("shared.known_secrets.compare_digest", compare)
    known = KnownSecrets("WEBHOOK_SECRETS", map(SecretStr, ["one", "two", "three"]))
    assert known.admits(offered) is (offered != "none of them")
    assert compared == [(32, 32)] * 3


def test_the_setting_that_is_missing_is_named():
    """Without a secret nobody could be admitted; which setting lacks it is said."""
    with pytest.raises(SettingsError, match="CONSOLE_TOKENS: is not set"):
        KnownSecrets("CONSOLE_TOKENS", [])
