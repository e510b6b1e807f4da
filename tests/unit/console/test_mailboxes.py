"""What waits for a stream and what is news to it, without servers."""

import threading

import pytest

from console.streams.mailboxes import Batch, Mailbox, MailboxClosed
from console.streams.told import Told
from console.streams.watches import Watch
from tests.changes import change


class TestMailbox:
    """The bounded queue of a stream."""

    def test_changes_come_out_in_order_and_move_the_horizon(self):
        """The horizon is that of what was taken, not of what waits."""
        mailbox = Mailbox(1)
        mailbox.put([change("1")], 2)
        mailbox.put([change("2")], 3)
        assert (mailbox.take(0), mailbox.horizon) == (Batch([change("1")], 2), 2)
        assert (mailbox.take(0), mailbox.horizon) == (Batch([change("2")], 3), 3)

    def test_without_changes_the_horizon_moves_by_itself(self):
        """Who has nothing to hear comes back to a late place, and never to an earlier one."""
        mailbox = Mailbox(5)
        mailbox.put([], 8)
        mailbox.put([], 7)
        mailbox.put([], None)
        assert (mailbox.take(0), mailbox.horizon) == (None, 8)

    def test_without_changes_the_horizon_moves_behind_what_waits(self):
        """Pages wait without a horizon, and their end brings it."""
        mailbox = Mailbox(5)
        mailbox.put([change()], None)
        mailbox.put([], 8)
        assert (mailbox.take(0), mailbox.horizon) == (Batch([change()], 8), 8)

    def test_a_full_mailbox_is_closed_and_emptied(self):
        """A client that does not take what waits is cut off, and holds no memory."""
        mailbox = Mailbox(1, most_bytes=3)
        mailbox.put([change(row=b"ab")], 2)
        mailbox.put([change(row=b"cd")], 3)
        assert mailbox.is_closed
        with pytest.raises(MailboxClosed, match="too_slow"):
            mailbox.take(0)

    def test_a_single_batch_may_be_larger(self):
        """Otherwise a large one would be refused again each time the client comes back."""
        mailbox = Mailbox(1, most_bytes=3)
        mailbox.put([change(row=b"abcdef")], 2)
        assert mailbox.take(0) == Batch([change(row=b"abcdef")], 2)

    def test_what_was_taken_makes_room(self):
        """Only what waits counts."""
        mailbox = Mailbox(1, most_bytes=3)
        for _ in range(4):
            mailbox.put([change(row=b"ab")], 2)
            assert mailbox.take(0) == Batch([change(row=b"ab")], 2)

    def test_trouble_is_told_once_and_its_end_too(self):
        """Who watches asks every second."""
        mailbox = Mailbox(1)
        for trouble in ("", "away", "away", "", ""):
            mailbox.tell_trouble(trouble)
        assert [mailbox.take(0), mailbox.take(0), mailbox.take(0)] == [Batch(trouble="away"), Batch(trouble=""), None]

    def test_whoever_waits_is_woken_by_the_end(self):
        """Nobody has to wait for a heartbeat to learn that the process ends."""
        mailbox = Mailbox(1)
        threading.Timer(0.01, mailbox.close, ["stopping"]).start()
        with pytest.raises(MailboxClosed, match="stopping"):
            mailbox.take(60)


class TestTold:
    """What is news to a reader."""

    def test_the_same_words_are_no_news_whoever_wrote_them(self):
        """A row is often written again as it was, and a turn is read anew with each message of it."""
        told = Told()
        assert told.news([change(writer=10), change(writer=10)]) == [change(writer=10)]
        assert told.news([change(writer=11)]) == []

    def test_a_row_that_has_changed_is_news_also_when_it_changes_back(self):
        """It is what was told last that counts."""
        told = Told()
        assert [len(told.news([change(row=row)])) for row in (b"1", b"2", b"1", b"1")] == [1, 1, 1, 0]

    def test_rows_of_other_events_are_other_rows(self):
        """A message and a turn may have one key."""
        assert len(Told().news([change(), change(event="turn")])) == 2

    def test_the_memory_is_bounded(self):
        """What was told longest ago is forgotten."""
        told = Told(most=2)
        told.news([change("1"), change("2"), change("1"), change("3")])
        assert len(told) == 2
        assert told.news([change("1"), change("2")]) == [change("2")]


class TestWatch:
    """What is put into all mailboxes."""

    def test_a_row_that_is_read_again_is_told_once(self):
        """While an older transaction keeps the horizon back, the same rows come out of each read."""
        watch, mailbox = Watch(5), Mailbox(5)
        watch.join(mailbox)
        for _ in range(3):
            watch.deliver([change(writer=10)], 7)
        assert [mailbox.take(0), mailbox.take(0)] == [Batch([change(writer=10)], 7), None]

    def test_what_was_told_is_remembered_when_all_have_left(self):
        """Who was cut off for too much reads it by itself, and must not be cut off for it again."""
        watch, first, second = Watch(5), Mailbox(5), Mailbox(5)
        watch.join(first)
        watch.deliver([change(writer=10)], 5)
        watch.leave(first)
        watch.join(second)
        watch.deliver([change(writer=10), change("new", writer=11)], 5)
        assert second.take(0) == Batch([change("new", writer=11)], 5)

    def test_pages_before_the_last_do_not_move_the_horizon(self):
        """Who is cut off between them comes back for all of them."""
        watch, mailbox = Watch(5), Mailbox(5)
        watch.join(mailbox)
        watch.deliver([change()])
        assert (mailbox.take(0), mailbox.horizon, watch.horizon) == (Batch([change()]), 5, 5)

    def test_what_cannot_be_read_again_is_forgotten(self):
        """The memory of a watch does not grow with its call."""
        watch = Watch(5)
        watch.deliver([change(str(writer), writer=writer) for writer in range(5, 25)], 20)
        assert len(watch.told) == 5
        assert watch.horizon == 20
