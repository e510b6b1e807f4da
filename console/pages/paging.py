"""How a long call is cut into pages of messages. Pure."""

from dataclasses import dataclass

MESSAGES_A_PAGE = 75
# What a call that goes on asks for again and again.
NEWEST = 30


@dataclass(frozen=True, slots=True)
class Page:
    """One of the `pages` of a call, counted from 1; the last takes what is left, so that it is never nearly empty."""

    number: int
    pages: int
    messages: int

    @property
    def offset(self) -> int:
        """How many messages come before it."""
        return (self.number - 1) * MESSAGES_A_PAGE

    @property
    def length(self) -> int:
        """How many messages it holds at most."""
        return 2 * MESSAGES_A_PAGE if self.is_newest else MESSAGES_A_PAGE

    @property
    def is_newest(self) -> bool:
        """Whether new messages appear on it."""
        return self.number == self.pages


def find_page(messages: int, number: int | None = None, earlier: int | None = None) -> Page:
    """Choose a page: by number, or the one of the message that has so many `earlier` ones, or the newest."""
    pages = max(1, messages // MESSAGES_A_PAGE)
    wanted = earlier // MESSAGES_A_PAGE + 1 if earlier is not None else number or pages
    return Page(min(wanted, pages), pages, messages)
