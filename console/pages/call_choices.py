"""What the page of calls offers to choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.api.assistants import Assistant
from console.api.operations import Row
from console.pages.chart_choices import MOST_CHOICES
from console.pages.formatting import id_end
from console.services import Services
from shared.queries import queries

# Fewer than the API looks at, since this is asked for with every page of calls.
LATEST_CALLS = 20
STATUSES = ("initiated", "queued", "ongoing", "forwarded", "finished", "failed")


class Team(Row):
    """A team, by its id, and the name of an assistant of it: teams have no names of their own."""

    value: str
    name: str | None

    @property
    def words(self) -> str:
        """How people know it: by an assistant and the end of its id."""
        return f"{self.name} ({id_end(self.value)})" if self.name else self.value


@dataclass(frozen=True, slots=True)
class CallChoices:
    """The values of each filter, and how they are called."""

    assistants: Mapping[str, str]
    teams: Mapping[str, str]
    models: Mapping[str, str]
    statuses: Mapping[str, str]


def read_choices(services: Services) -> CallChoices:
    """Read what there is to choose from. Raises DatabaseUnavailable."""
    assistants = _assistants(services)
    models = sorted({model for assistant in assistants for model in assistant.llm_models})
    return CallChoices(
        {assistant.assistant_id: assistant.assistant_name or assistant.assistant_id for assistant in assistants},
        {team.value: team.words for team in _teams(services)},
        dict(zip(models, models, strict=True)),
        dict(zip(STATUSES, STATUSES, strict=True)),
    )


def _assistants(services: Services) -> Sequence[Assistant]:
    values = {"after_assistant_id": None, "latest_calls": LATEST_CALLS, "limit": MOST_CHOICES}
    rows = services.store.rows(queries("console_operations")["list_assistants"], values)
    return [Assistant.model_validate(row) for row in rows]


def _teams(services: Services) -> Sequence[Team]:
    rows = services.store.rows(queries("console_pages")["list_teams"], {"limit": MOST_CHOICES})
    return [Team.model_validate(row) for row in rows]
