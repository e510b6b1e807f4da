"""Who may see anything: whoever sends a token as a bearer, or has logged in with one in this browser.

A session is a signed cookie that holds a fingerprint of the token it was opened with, so that it ends when that token
is withdrawn, in all processes and machines alike.
"""

import time
from datetime import timedelta
from functools import cache
from hashlib import scrypt
from hmac import digest
from typing import Any

from flask import Flask, Request, session
from flask_wtf import CSRFProtect
from pydantic import SecretStr

from shared.known_secrets import KnownSecrets

SESSION_HOURS = 12
# The open log-in page hands out a cookie that is signed with a key made from a token, so a stranger can try tokens
# without asking us. So many characters, each trial dear, are beyond that.
LONG_ENOUGH = 16
# Everybody may ask for these: the log-in page, what it looks like, and whether the process is up.
OPEN_ENDPOINTS = frozenset({"pages.login", "static", "tell_health", "tell_readiness"})

_SCHEME = "bearer"
_HOLDER, _OPENED_AT = "holder", "opened_at"


class Access:
    """Knows the tokens that are valid now. Raises SettingsError where CONSOLE_TOKENS names none."""

    def __init__(self, tokens: tuple[SecretStr, ...]) -> None:
        self._tokens = KnownSecrets("CONSOLE_TOKENS", tokens)
        # Of the first token: the same on every machine, and told nowhere.
        self._key = _session_key(tokens[0].get_secret_value())
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
        """Tell whether a request may see what it asks for; one of a session that changes something needs its form.

        Nothing is read of the body of a request that is not admitted.
        """
        if self.is_bearer(request):
            return self._tokens.admits(_offered(request))
        if not self.has_session():
            return False
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            self._forms.protect()
        return True

    def is_bearer(self, request: Request) -> bool:
        """Tell whether a request comes with a token of its own, be it right or wrong."""
        return _offered(request) is not None

    def has_session(self) -> bool:
        """Tell whether this browser is logged in."""
        opened_at: Any = session.get(_OPENED_AT, 0)
        return time.time() - opened_at < SESSION_HOURS * 3600 and self._holders.admits(session.get(_HOLDER))

    def name_of(self, request: Request) -> str:
        """Say for the record who asks: a program by its token, or a person in the console."""
        return "api" if self.is_bearer(request) else "console"

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

    def _holder(self, token: SecretStr) -> str:
        return digest(self._key, token.get_secret_value().encode(errors="surrogatepass"), "sha256").hex()


@cache
def _session_key(token: str) -> bytes:
    """Make the key of all sessions, slowly, so that nobody tries many tokens on a cookie; 16 MiB and some 50 ms."""
    return scrypt(token.encode(), salt=b"earshot console sessions", n=2**14, r=8, p=1, dklen=32)


def _offered(request: Request) -> str | None:
    """Give the token that a request sends. What a proxy put there in another scheme is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else None
