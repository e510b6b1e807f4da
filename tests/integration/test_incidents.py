"""Incidents: one row each, at its place in the conversation, however often and in whatever order they are told."""

from collections.abc import Iterator
from itertools import permutations

import pytest

from tests.calls import assistant, error, hang, user, welcome
from tests.stage_runs import Stages, rebuild


@pytest.fixture
def stages(database_url: str) -> Iterator[Stages]:
    """All stages, on this test's database."""
    with Stages(database_url) as running:
        yield running


class TestIncidents:
    """Where in a conversation an incident stands."""

    PLACE = "select kind, message_id from incidents order by kind"

    def test_any_order_and_number_of_deliveries(self, stages: Stages):
        """A hang and an error delivered three times in any order are one row each, and keep their places."""
        events = [hang([welcome(), user(1)]), hang([welcome(), user(1), assistant(1), user(2)]), error(None)]
        for order in permutations(events):
            stages.clear()
            stages.send(*order, *order, *reversed(order))
            assert sorted(stages.select(self.PLACE), key=str) == [
                ("error", None),
                ("hang", "user-1"),
                ("hang", "user-2"),
            ]

    def test_same_incident_with_another_conversation(self, stages: Stages):
        """An incident that is told with two conversations is one row, and its place does not depend on the order."""
        moment = {"timestamp": 1_772_702_500_000}
        events = [hang([user(1)], **moment), hang([user(1), user(2)], **moment), hang([], **moment)]
        for order in permutations(events):
            stages.clear()
            stages.send(*order)
            assert stages.select(self.PLACE) == [("hang", "user-2")]

    def test_rebuild_of_an_incident_with_two_conversations(self, stages: Stages):
        """The conversation that was kept to rebuild from does not take the place that another one told."""
        stages.send(*(hang(history, timestamp=1_772_702_500_000) for history in ([user(3)], [user(1), user(2)])))
        assert rebuild(stages, "lifecycle").tables["incidents"].changed == 0
        assert stages.select(self.PLACE) == [("hang", "user-3")]

    def test_rebuild_fills_it_in(self, stages: Stages):
        """An incident of before has its place after a rebuild, and the next rebuild changes nothing."""
        stages.send(hang([welcome(), user(1)]))
        stages.session.execute("update incidents set message_id = null")
        assert [rebuild(stages, "lifecycle").tables["incidents"].changed for _ in range(2)] == [1, 0]
        assert stages.select(self.PLACE) == [("hang", "user-1")]
