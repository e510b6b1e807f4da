"""The OpenAPI document is true of the running program: schemathesis asks what it describes, and checks the answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.api.operations import Listing
from console.api.routes import OPERATIONS
from tests.consoles import BEARER, console, console_settings, fill_with_everything, get, running_console

EXAMPLES, SEED = 15, 2611
# A stream has no end, so that no answer of one can be waited for; tests of their own read them.
ENDLESS = "stream$"
# That a period ends behind its beginning, or is no longer than a year, no schema can say of two parameters together,
# and none that a moment lies ahead.
CONFIGURATION = """
[[operations]]
include-path-regex = "^/api/(alerts|analytics/.*|calls|failed|quarantine|silences)$"
checks.positive_data_acceptance.enabled = false
"""


@pytest.mark.slow
def test_the_running_program_does_what_the_document_says(servers, redis, database_url, tmp_path: Path):
    """With calls, dead letters and quarantine in the stores, every check of schemathesis passes on every operation."""
    fill_with_everything(redis, database_url)
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    with running_console(servers, database_url, tmp_path / "log") as running:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(tmp_path / "schemathesis.toml")),
                *("run", f"{running.url}/api/openapi.json", "--exclude-path-regex", ENDLESS),
                *("--header", f"Authorization: {BEARER['Authorization']}"),
                *("--max-examples", str(EXAMPLES), "--seed", str(SEED), "--no-color"),
            ],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    tested = len(OPERATIONS)
    assert f"Tested: {tested}" in done.stdout
    assert "console.failed" not in (tmp_path / "log").read_text()


def test_the_document_names_every_route_of_the_api(servers, redis, database_url):
    """No path or method of the API is left out of it, and it names none that is not there."""
    with console(console_settings(servers.redis_url, database_url)) as app:
        described = get(app.test_client(), "/api/openapi.json")["paths"]
        routes = {
            (rule.rule.replace("<id:", "{").replace("<path:", "{").replace(">", "}"), method.lower())
            for rule in app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
            if rule.rule.startswith("/api/") and not rule.rule.endswith("openapi.json")
        }
    assert {(path, method) for path, item in described.items() for method in item} == routes


def test_every_listing_documents_its_own_cursor(servers, redis, database_url):
    """The pattern of a cursor is told, and a text of that pattern is one."""
    with console(console_settings(servers.redis_url, database_url)) as app:
        described = get(app.test_client(), "/api/openapi.json")["paths"]
    for listing in OPERATIONS:
        if isinstance(listing, Listing):
            asked = {one["name"]: one["schema"] for one in described[listing.path]["get"]["parameters"]}
            assert asked["cursor"]["pattern"] == listing.cursor.pattern
