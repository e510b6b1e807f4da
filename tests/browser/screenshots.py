"""Take the pictures of README and docs anew: `python -m tests.browser.screenshots`. A minute, with made-up calls."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from playwright.sync_api import Page, sync_playwright

from earshot.env_file import read_env
from tests.browser.conftest import WIDE, find_chromium
from tests.commands import EarshotCommand, free_port
from tests.programs import wait_for

FOLDER = Path(__file__).parents[2] / "docs" / "images"
CALLS = 150
LIVE_SECONDS = 45
ANGRY = ("--angry", "0.05")
SLOWEST = """
    select call_id from call_figures join calls using (call_id)
    where interruptions > 0 and ended_at is not null
    order by slowest_turn_ms desc limit 1
"""


def main() -> None:
    """Run everything in a directory of its own, make up calls, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        port, console_port = free_port(), free_port()
        ports = ("--port", str(port), "--console-port", str(console_port), "--no-sample")
        with EarshotCommand("up", *ports, directory=Path(directory) / "data") as command:
            command.wait_for("Earshot is up.")
            known = read_env(Path(directory) / "data" / "env")
            live = make_up_calls(Path(directory) / "data", known["DATABASE_URL"])
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
            page = browser.new_page(base_url=f"http://127.0.0.1:{console_port}", viewport=WIDE)
            log_in(page, known["CONSOLE_TOKENS"])
            take(page, known["DATABASE_URL"])
            browser.close()
            live.terminate()
            live.wait()


def make_up_calls(data_dir: Path, database_url: str) -> subprocess.Popen[bytes]:
    """Post calls of yesterday, and begin to post calls of now; gives the process that goes on with these."""
    simulate = [sys.executable, "-m", "earshot", "simulate", "--data-dir", str(data_dir)]
    subprocess.run([*simulate, "--calls", str(CALLS), "--rate", "400", "--at-once", "10"], check=True)
    live = subprocess.Popen([*simulate, "--live", "--calls", "30", "--at-once", "8", "--seed", "7", *ANGRY])
    time.sleep(LIVE_SECONDS)
    with psycopg.connect(database_url, autocommit=True) as rows:
        wait_for(lambda: rows.execute("select count(*) > %s from call_figures", (CALLS,)).fetchone() == (True,), 60)
        wait_for(lambda: rows.execute("select not exists (select from stale_hours)").fetchone() == (True,), 60)
    return live


def log_in(page: Page, token: str) -> None:
    """Log in as a person does."""
    page.goto("/login")
    page.get_by_role("textbox", name="Token").fill(token)
    page.get_by_role("button", name="Log in").click()


def take(page: Page, database_url: str) -> None:
    """Take a picture of each page that is shown."""
    with psycopg.connect(database_url) as rows:
        found = rows.execute(SLOWEST).fetchone()
    paths = {"live": "/", "call": f"/calls/{found[0]}" if found else "/calls", "alerts": "/alerts"}
    for name, path in paths.items():
        page.goto(path)
        page.wait_for_timeout(1500)
        page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
