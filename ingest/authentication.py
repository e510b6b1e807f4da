"""Tell the platform from strangers by the secret it sends along. Pure."""

from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest

from shared.settings import SettingsError


class Authentication:
    """Knows the secrets that are valid now: several of them while one replaces another."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Raises SettingsError if there is no secret, or one that no HTTP header can carry."""
        known = tuple(filter(None, secrets))
        if not known:
            raise SettingsError("WEBHOOK_SECRETS: is not set")
        # The server hands over a header with any other character as an empty one.
        if not all(secret.isascii() and secret.isprintable() for secret in known):
            raise SettingsError("WEBHOOK_SECRETS: a secret must consist of printable ASCII characters")
        self._digests = tuple(map(_digest, known))

    def admits(self, offered: str | None) -> bool:
        """Tell whether this is one of the secrets; takes the same time whichever it is, and however close."""
        if offered is None:
            return False
        digest = _digest(offered)
        matches = [compare_digest(digest, known) for known in self._digests]
        return any(matches)


def _digest(secret: str) -> bytes:
    # Digests are of one length, so that the comparison does not tell the secret's.
    return sha256(secret.encode(errors="surrogatepass")).digest()
