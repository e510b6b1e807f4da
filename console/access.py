"""Who may see anything: whoever sends a token as a bearer, or has logged in with one in this browser.

A session is a signed cookie that holds a fingerprint of the token it was opened with, so that it ends when that token
is withdrawn, in all processes and machines alike.
"""

import time
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from hmac import digest
from typing import Any

from flask import Flask, Request, session
from flask_wtf import CSRFProtect
from pydantic import SecretStr

from shared.known_secrets import KnownSecrets

SESSION_HOURS = 12
# Everybody may ask for these: the log-in page, what it looks like, and whether the process is up.
OPEN_ENDPOINTS = frozenset({"pages.login", "static", "tell_health", "tell_readiness"})

_SCHEME = "bearer "
_HOLDER, _OPENED_AT = "holder", "opened_at"


class Access:
    """Knows the tokens that are valid now. Raises SettingsError where CONSOLE_TOKENS names none."""

    def __init__(self, tokens: tuple[SecretStr, ...]) -> None:
        self._tokens = KnownSecrets("CONSOLE_TOKENS", tokens)
        self._key = _session_key(token.get_secret_value() for token in tokens)
        self._holders = KnownSecrets("CONSOLE_TOKENS", [SecretStr(self._holder(token)) for token in tokens])

    def guard(self, app: Flask, *, is_https: bool) -> None:
        """Have an application sign its sessions, and refuse forms that were not its own."""
        app.secret_key = self._key
        app.config.update(
            SESSION_COOKIE_NAME="__Host-earshot" if is_https else "earshot",
            SESSION_COOKIE_SECURE=is_https,
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Lax",
            PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
            SESSION_REFRESH_EACH_REQUEST=False,
            WTF_CSRF_CHECK_DEFAULT=False,
            WTF_CSRF_TIME_LIMIT=None,
            # The name of the host is for the proxy in front to check.
            WTF_CSRF_SSL_STRICT=False,
        )
        self._forms = CSRFProtect(app)

    def admits(self, request: Request) -> bool:
        """Tell whether a request may see what it asks for; one of a session that changes something needs its form."""
        if self.is_bearer(request):
            return self._tokens.admits(_offered(request))
        if not self._has_session():
            return False
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            self._forms.protect()
        return True

    def is_bearer(self, request: Request) -> bool:
        """Tell whether a request comes with a token of its own, be it right or wrong."""
        return _offered(request) is not None

    def log_in(self, token: str) -> bool:
        """Open a session for the holder of a token; tells whether it is one."""
        self._forms.protect()
        if not self._tokens.admits(token):
            return False
        session.clear()
        session.permanent = True
        session[_HOLDER] = self._holder(SecretStr(token))
        session[_OPENED_AT] = int(time.time())
        return True

    def log_out(self) -> None:
        """End the session of this browser."""
        session.clear()

    def _has_session(self) -> bool:
        opened_at: Any = session.get(_OPENED_AT, 0)
        return time.time() - opened_at < SESSION_HOURS * 3600 and self._holders.admits(session.get(_HOLDER))

    def _holder(self, token: SecretStr) -> str:
        return digest(self._key, token.get_secret_value().encode(errors="surrogatepass"), "sha256").hex()


def _session_key(tokens: Iterable[str]) -> bytes:
    """Make the key of all sessions from the first token: the same on every machine, and told nowhere."""
    first = next(iter(tokens), "")
    return sha256(b"earshot console sessions\0" + first.encode(errors="surrogatepass")).digest()


def _offered(request: Request) -> str | None:
    header = request.headers.get("Authorization")
    if header is None:
        return None
    return header[len(_SCHEME) :].strip() if header.lower().startswith(_SCHEME) else ""
