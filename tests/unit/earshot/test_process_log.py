"""The one log of all programs."""

import io

from earshot.process_log import LONGEST_LINE, Lines, ProcessLog, wants_colour


class Terminal(io.StringIO):
    """An output that a person looks at."""

    def isatty(self) -> bool:
        return True


def test_names_are_aligned() -> None:
    """Every line starts with its program's name, padded to the longest."""
    output = io.StringIO()
    log = ProcessLog(["web", "transcripts"], output, colour=False)
    log.line("web", "hello")
    log.say("two\nlines")
    assert output.getvalue() == "web         | hello\nearshot     | two\nearshot     | lines\n"


def test_each_program_has_its_colour() -> None:
    """In colour the name is painted and the text is not."""
    output = io.StringIO()
    log = ProcessLog(["a", "b"], output, colour=True)
    log.line("a", "x")
    log.line("b", "x")
    first, second = output.getvalue().splitlines()
    assert first.endswith("\x1b[0m x")
    assert first.split("m")[0] != second.split("m")[0]


def test_colour_is_for_terminals() -> None:
    """NO_COLOR and a pipe both mean none."""
    assert wants_colour(Terminal(), {})
    assert not wants_colour(Terminal(), {"NO_COLOR": "1"})
    assert not wants_colour(io.StringIO(), {})


def test_lines_are_put_together() -> None:
    """A line may come in pieces; the last one may lack its end; what is not UTF-8 is replaced."""
    lines = Lines()
    assert lines.feed(b"one\r\ntw") == ["one"]
    assert lines.feed(b"o\n\n\xff") == ["two", ""]
    assert lines.finish() == ["\ufffd"]
    assert lines.finish() == []


def test_a_line_without_end_is_cut() -> None:
    """A program that never ends its line does not fill our memory."""
    assert Lines().feed(b"x" * (LONGEST_LINE + 1)) == ["x" * (LONGEST_LINE + 1)]
