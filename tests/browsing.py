"""Pages as a browser gets them, and somebody who looks at them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

from flask.testing import FlaskClient

from shared.settings import Settings
from tests.consoles import TOKEN, console

EMPTY = ("meta", "link", "input", "br", "line", "rect")


class Page(HTMLParser):
    """What a page holds: its elements with their attributes, its text, and the text of each element that has an id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.elements, self.texts = html, [], {}
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in EMPTY:
            self._open.append(attributes.get("id") or "")

    def handle_endtag(self, tag):
        if tag not in EMPTY:
            self._open.pop()

    def handle_data(self, data):
        for element_id in {"", *self._open}:
            self.texts[element_id] = f"{self.texts.get(element_id, '')} {data.strip()}".strip()

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """Give the attributes of the elements of a tag that have some attributes."""
        return [have for name, have in self.elements if name == tag and wanted.items() <= have.items()]

    def link(self, text: str) -> str:
        """Give where the link of that text leads."""
        (found,) = re.findall(rf'<a[^>]*href="([^"]*)"[^>]*>{text}</a>', self.html)
        return found.replace("&amp;", "&")


class Browser:
    """Somebody who looks at pages."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, code: int = 200) -> Page:
        response = self.client.get(path)
        assert (response.status_code, path) == (code, path), response.text
        return Page(response.text)

    def send(self, path: str, code: int, **fields: str):
        """Send the form of the log-in page, or another with the hidden field of the first page."""
        first = self.client.get("/login", follow_redirects=True)
        (hidden,) = Page(first.text).all("input", name="csrf_token")
        response = self.client.post(path, data={"csrf_token": hidden["value"], **fields})
        assert response.status_code == code, response.text
        return response

    def log_in(self) -> "Browser":
        self.send("/login", 303, token=TOKEN)
        return self


@contextmanager
def browsing(settings: Settings) -> Iterator[Browser]:
    """Run the application inside this process for somebody who has not logged in."""
    with console(settings) as app:
        yield Browser(app.test_client())
