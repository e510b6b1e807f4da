"""A long call cut into pages."""

import pytest

from console.pages.paging import MESSAGES_A_PAGE, find_page


def test_the_newest_page_is_the_first_one_shown():
    """Whoever looks at a call that goes on wants its end."""
    page = find_page(3 * MESSAGES_A_PAGE + 7)
    assert (page.number, page.pages, page.offset, page.is_newest) == (3, 3, 2 * MESSAGES_A_PAGE, True)


@pytest.mark.parametrize("messages", [0, 1, 200, 399, 400, 401, 10_000])
def test_the_pages_of_a_call_hold_each_message_once(messages):
    """And none but the only one is nearly empty."""
    pages = [find_page(messages, number) for number in range(1, find_page(messages).pages + 1)]
    held = [range(page.offset, min(page.offset + page.length, messages)) for page in pages]
    assert [place for places in held for place in places] == list(range(messages))
    assert len(held) == 1 or min(map(len, held)) >= MESSAGES_A_PAGE


@pytest.mark.parametrize("earlier", [0, 199, 200, 599, 600, 699])
def test_a_messages_page_is_found_by_how_many_come_before_it(earlier):
    """A link to a turn leads to where it stands."""
    page = find_page(700, earlier=earlier)
    assert page.offset <= earlier < page.offset + page.length


def test_a_page_beyond_the_last_is_the_last():
    """An old link is no error."""
    assert find_page(3 * MESSAGES_A_PAGE, 99).number == 3
