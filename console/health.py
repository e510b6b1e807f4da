"""Whether the process is up, and whether it can show anything: for whoever watches it, without a token."""

from flask import Flask, Response, jsonify

from console.store import Store
from shared.errors import DatabaseUnavailable


def add_health(app: Flask, store: Store) -> None:
    """Answer /healthz and /readyz."""

    @app.get("/healthz")
    def tell_health() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz")
    def tell_readiness() -> tuple[Response, int]:
        try:
            store.row("select 1", {})
        except DatabaseUnavailable as error:
            return jsonify(ready=False, reasons=[f"PostgreSQL: {error}"]), 503
        return jsonify(ready=True, reasons=[]), 200
