"""Streams without servers: what is due, and what is sent."""

from collections.abc import Iterator

import pytest

from console.streams import board as boards
from console.streams.board import Board
from console.streams.changes import Change
from console.streams.frames import write_events, write_heartbeat, write_opening
from console.streams.mailboxes import Mailbox
from console.streams.stream import PIECE_BYTES, Stream
from console.streams.watches import DEAF_LOOK_SECONDS, LOOK_SECONDS, MOST_LEFT, REST_SECONDS, Watches
from shared.errors import DatabaseUnavailable
from tests.changes import change


class TestFrames:
    """Events as bytes."""

    def test_only_the_last_event_of_a_batch_tells_the_horizon(self):
        """Who was cut off in the middle of a batch comes back for all of it."""
        written = write_events([change(row=b'{"a":1}'), change(row=b'{"b":2}', event="turn")], 77)
        assert written == b'event: message\ndata: {"a":1}\n\nevent: turn\ndata: {"b":2}\nid: 77\n\n'

    def test_a_page_that_is_not_the_last_tells_no_horizon(self):
        """What comes behind it is not told yet."""
        assert write_events([change()]) == b"event: message\ndata: {}\n\n"

    def test_nothing_is_nothing(self):
        """Without events there is nothing to write."""
        assert write_events([], 77) == b""

    def test_signs_of_life_are_no_events(self):
        """A browser takes the place and the pause from them, and tells the page nothing."""
        assert (write_opening(5), write_heartbeat(6)) == (b"retry: 2000\nid: 5\n\n", b":\nid: 6\n\n")


class TestWatches:
    """When a call is read."""

    @pytest.fixture
    def watches(self) -> Watches:
        """One watched call, looked at a moment ago, with hints to be heard."""
        watches = Watches()
        watches.look_seconds = LOOK_SECONDS
        watches.join("WC-1", Mailbox(3))
        assert list(watches.take_due(100)) == ["WC-1"]
        return watches

    def test_a_call_is_watched_once_however_many_join(self, watches):
        """It is looked at no more when the last of them has left, and not before."""
        first, second = Mailbox(4), Mailbox(5)
        watches.join("WC-2", first)
        watches.join("WC-2", second)
        watches.leave("WC-2", first)
        assert watches.take_due(100)["WC-2"].mailboxes == {second}
        watches.leave("WC-2", second)
        watches.leave("WC-2", second)
        assert "WC-2" not in watches.take_due(1000)

    def test_of_calls_that_nobody_watches_a_few_are_kept(self, watches):
        """Those that were left last."""
        for number in range(MOST_LEFT + 3):
            mailbox = Mailbox(4)
            watches.join(f"left-{number}", mailbox)
            watches.leave(f"left-{number}", mailbox)
        assert len(watches._by_call) == MOST_LEFT + 1
        assert "left-2" not in watches._by_call

    def test_a_hint_has_a_call_read_after_a_short_rest(self, watches):
        """At most ten times a second, and no other call with it."""
        watches.join("WC-2", Mailbox(3))
        watches.take_due(100)
        watches.hint(["WC-1", "unwatched"])
        assert watches.take_due(100 + REST_SECONDS / 2) == {}
        assert list(watches.take_due(100 + REST_SECONDS)) == ["WC-1"]
        assert watches.take_due(100 + 3 * REST_SECONDS) == {}

    def test_without_a_hint_a_call_is_read_every_few_seconds(self, watches):
        """A hint that was lost delays what it was about."""
        assert watches.take_due(100 + LOOK_SECONDS - 0.1) == {}
        assert watches.due_at() == 100 + LOOK_SECONDS
        assert list(watches.take_due(100 + LOOK_SECONDS)) == ["WC-1"]

    def test_while_no_hint_can_come_it_is_read_every_second(self, watches):
        """Redis may be away."""
        watches.look_seconds = DEAF_LOOK_SECONDS
        assert list(watches.take_due(100 + DEAF_LOOK_SECONDS)) == ["WC-1"]

    def test_a_hint_at_any_call_is_one_at_each(self, watches):
        """There were too many to name."""
        watches.hint(None)
        assert list(watches.take_due(100 + REST_SECONDS)) == ["WC-1"]


class TestBoard:
    """When all calls are read, and when some."""

    @pytest.fixture
    def board(self) -> Board:
        """With one stream, looked at a moment ago."""
        board = Board()
        board.look_seconds = LOOK_SECONDS
        board.join(Mailbox(3))
        assert board.takes_look(100)
        return board

    def test_the_calls_that_were_hinted_at_are_read_together_after_a_rest(self, board):
        """Lists need not move faster."""
        board.hint(["WC-1"])
        assert board.take_hinted(101) == {"WC-1"}
        board.hint(["WC-2"])
        board.hint(["WC-3"])
        assert board.take_hinted(101 + boards.REST_SECONDS / 2) == ()
        assert board.take_hinted(101 + boards.REST_SECONDS) == {"WC-2", "WC-3"}

    def test_too_many_hints_have_all_calls_looked_at(self, board):
        """So many are not named in a query."""
        board.hint([f"WC-{number}" for number in range(boards.MOST_HINTS + 1)])
        assert board.takes_look(100 + boards.LOOK_REST_SECONDS)

    def test_nobody_looks_for_nobody(self, board):
        """Without a stream nothing is due, and hints are not gathered."""
        for mailbox in list(board.watch.mailboxes):
            board.leave(mailbox)
        board.hint(["WC-1"])
        assert board.due_at() == float("inf")
        assert (board.takes_look(1000), board.take_hinted(1000)) == (False, ())

    def test_the_horizon_lags_behind_by_one_look(self, board):
        """A hint at an old call that comes just after a look still finds the call's change."""
        assert [board.horizon_before(horizon) for horizon in (10, 20, 30)] == [3, 10, 20]


class TestStream:
    """What one client gets."""

    def opened(self, mailbox: Mailbox, pages: list[list[Change]] | None = None, since: int = 4) -> Iterator[bytes]:
        catch_up = None if pages is None else (since, lambda: iter(pages))
        return iter(Stream(mailbox, lambda: None, catch_up, heartbeat_seconds=0.01))

    def test_without_a_place_it_begins_now(self):
        """The place where it began is told at once, for a client that comes back before anything has happened."""
        mailbox = Mailbox(7)
        stream = self.opened(mailbox)
        assert [next(stream), next(stream)] == [write_opening(7), write_heartbeat(7)]

    def test_what_was_missed_comes_before_what_follows(self):
        """Only its last page tells the horizon."""
        mailbox = Mailbox(7)
        mailbox.put([change("3")], 8)
        stream = self.opened(mailbox, [[change("1")], [], [change("2")]])
        sent = [next(stream) for _ in range(4)]
        pages = [write_events([change("1")]), write_events([change("2")], 7), write_events([change("3")], 8)]
        assert sent == [write_opening(4), *pages]

    def test_what_was_caught_up_with_is_not_told_again(self):
        """The watch has read it as well; only how far the stream has come is told."""
        mailbox = Mailbox(7)
        mailbox.put([change("1")], 8)
        stream = self.opened(mailbox, [[change("1")]])
        assert [next(stream) for _ in range(3)][1:] == [write_events([change("1")], 7), write_heartbeat(8)]

    def test_trouble_is_an_event(self):
        """So that a page does not say that it is live."""
        mailbox = Mailbox(7)
        mailbox.tell_trouble("PostgreSQL does not answer")
        mailbox.tell_trouble("")
        stream = self.opened(mailbox)
        assert [next(stream) for _ in range(3)][1:] == [
            b'event: state\ndata: {"is_live": false, "reason": "PostgreSQL does not answer"}\n\n',
            b'event: state\ndata: {"is_live": true, "reason": null}\n\n',
        ]

    def test_it_ends_after_a_while_and_the_client_comes_back(self, monkeypatch):
        """Whoever was logged out meanwhile hears no more."""
        monkeypatch.setattr("console.streams.stream.LONGEST_SECONDS", 0.05)
        mailbox = Mailbox(7)
        assert list(self.opened(mailbox))[:2] == [write_opening(7), write_heartbeat(7)]

    def test_when_nothing_was_missed_the_horizon_is_told(self):
        """The next resumption has less to look through."""
        stream = self.opened(Mailbox(7), [[]])
        assert [next(stream), next(stream)] == [write_opening(4), write_heartbeat(7)]

    def test_an_outage_while_catching_up_is_waited_for(self, monkeypatch):
        """The stream stays open and begins again; nothing is left out."""
        monkeypatch.setattr("console.streams.stream.OUTAGE_PAUSE_SECONDS", 0)
        attempts = iter([DatabaseUnavailable("gone"), None])

        def pages() -> Iterator[list[Change]]:
            yield [change("1")]
            if error := next(attempts):
                raise error
            yield [change("2")]

        stream = iter(Stream(Mailbox(7), lambda: None, (4, pages)))
        sent = [next(stream) for _ in range(4)]
        assert sent == [write_opening(4), b":\n\n", write_events([change("1")]), write_events([change("2")], 7)]

    def test_what_is_long_is_sent_in_pieces(self):
        """The server holds a few pieces for each client, so they are small."""
        long = [change(row=b"x" * PIECE_BYTES * 2)]
        stream = self.opened(Mailbox(7), [long])
        assert next(stream) == write_opening(4)
        pieces = [next(stream) for _ in range(3)]
        assert max(map(len, pieces)) == PIECE_BYTES
        assert b"".join(pieces) == write_events(long, 7)

    def test_it_ends_when_its_mailbox_is_closed(self):
        """Also in the middle of what was missed."""
        mailbox = Mailbox(7)
        stream = self.opened(mailbox, [[change("1")], [change("2")], [change("3")]])
        assert next(stream) == write_opening(4)
        mailbox.close("stopping")
        assert list(stream) == []

    def test_its_place_is_given_back_once(self):
        """Whoever serves may close it twice."""
        left: list[int] = []
        stream = Stream(Mailbox(7), lambda: left.append(1), None)
        stream.close()
        stream.close()
        assert left == [1]
