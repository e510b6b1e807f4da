"""Tell who knows a secret from who does not, in the same time for every guess. Pure."""

from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest

from pydantic import SecretStr

from shared.settings import SettingsError


class KnownSecrets:
    """The secrets that are valid now: several of them while one replaces another."""

    def __init__(self, name: str, secrets: Iterable[SecretStr]) -> None:
        """Raises SettingsError, naming the setting, if there is no secret, or one that no HTTP header can carry."""
        known = tuple(filter(None, (secret.get_secret_value() for secret in secrets)))
        if not known:
            raise SettingsError(f"{name}: is not set")
        # The server hands over a header with any other character as an empty one.
        if not all(secret.isascii() and secret.isprintable() for secret in known):
            raise SettingsError(f"{name}: a secret must consist of printable ASCII characters")
        self._digests = tuple(map(_digest, known))

    def admits(self, offered: str | None) -> bool:
        """Tell whether this is one of the secrets; takes the same time whichever it is, and however close."""
        return offered is not None and self.holds(_digest(offered))

    def holds(self, digest: bytes) -> bool:
        """Tell whether this is the digest of one of the secrets, in the same time whichever it is."""
        matches = [compare_digest(digest, known) for known in self._digests]
        return any(matches)


def _digest(secret: str) -> bytes:
    # Digests are of one length, so that the comparison does not tell the secret's.
    return sha256(secret.encode(errors="surrogatepass")).digest()
