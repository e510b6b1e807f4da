"""A real browser on a real console: everything that `earshot up` starts, and a page that is logged in."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from earshot.env_file import read_env
from tests.browser.live_calls import Poster
from tests.commands import EarshotCommand, free_port

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}


def find_chromium() -> str | None:
    """Find a chromium on this machine."""
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


@dataclass(frozen=True)
class Stand:
    """A running Earshot: where its console is, what opens it, and its database."""

    url: str
    token: str
    database_url: str
    poster: Poster
    command: EarshotCommand


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Run everything; a job that fails is dead at once."""
    directory: Path = tmp_path_factory.mktemp("stand") / "data"
    port, console_port = free_port(), free_port()
    ports = ("--port", str(port), "--console-port", str(console_port), "--no-sample")
    with EarshotCommand("up", *ports, directory=directory, variables={"JOB_ATTEMPTS": "1"}) as command:
        command.wait_for("Earshot is up.")
        known = read_env(directory / "env")
        poster = Poster(f"http://127.0.0.1:{port}/webhooks/interactly", known["WEBHOOK_SECRETS"])
        console = f"http://127.0.0.1:{console_port}"
        yield Stand(console, known["CONSOLE_TOKENS"], known["DATABASE_URL"], poster, command)


# Of a module: while playwright runs, its event loop is that of the thread, and no other test could have one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless chromium; without one on this machine its tests are skipped."""
    path = find_chromium()
    if path is None:
        pytest.skip("no chromium is installed (Debian and Ubuntu: apt install chromium)")
    with sync_playwright() as playwright:
        # Root, as in containers, may not use chromium's own sandbox; the pages are ours.
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser, stand: Stand) -> Iterator[BrowserContext]:
    """A browser that knows nobody yet, with a wide window."""
    opened = browser.new_context(base_url=stand.url, viewport=WIDE)
    opened.set_default_timeout(15_000)
    yield opened
    opened.close()


@pytest.fixture
def visitor(context: BrowserContext) -> Page:
    """A page of somebody who has not logged in."""
    return context.new_page()


@pytest.fixture
def page(visitor: Page, stand: Stand) -> Page:
    """A page of somebody who has logged in."""
    visitor.goto("/login")
    visitor.get_by_role("textbox", name="Token").fill(stand.token)
    visitor.get_by_role("button", name="Log in").click()
    visitor.wait_for_url(f"{stand.url}/")
    return visitor


@pytest.fixture
def rows(stand: Stand) -> Iterator[psycopg.Connection]:
    """A connection to the stand's database."""
    with psycopg.connect(stand.database_url, autocommit=True) as connection:
        yield connection
