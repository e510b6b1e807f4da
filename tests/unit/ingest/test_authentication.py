"""Telling the platform from strangers."""

import hmac

import pytest

from ingest.authentication import Authentication


@pytest.mark.parametrize("offered", ["one", "two", "three", "none of them"])
def test_every_secret_is_compared_whichever_is_right(monkeypatch, offered):
    """The number of comparisons, and the length of what is compared, do not depend on what is offered."""
    compared = []

    def compare(left, right):
        compared.append((len(left), len(right)))
        return hmac.compare_digest(left, right)

    monkeypatch.setattr("ingest.authentication.compare_digest", compare)
    assert Authentication(["one", "two", "three"]).admits(offered) is (offered != "none of them")
    assert compared == [(32, 32)] * 3
