"""What the pages of charts offer to choose from: assistants with their names, and models."""

from collections.abc import Mapping
from dataclasses import dataclass

from console.api.assistants import list_assistants
from console.api.operations import ListingQuery
from console.pages.chart_filters import Breakdown
from console.services import Services

# Beyond this a list to choose from helps nobody; the address takes any id.
MOST_CHOICES = 200


@dataclass(frozen=True, slots=True)
class Choices:
    """The names of assistants by id, and of the models they use by themselves."""

    assistants: Mapping[str, str]
    models: Mapping[str, str]

    def name_of(self, key: str, by: Breakdown) -> str:
        """Write the name of an assistant or a model."""
        if not key:
            return "not told"
        return self.assistants.get(key, key) if by == "assistant" else key


def read_choices(services: Services) -> Choices:
    """Read what there is to choose from. Raises DatabaseUnavailable."""
    found = list_assistants(services, {}, ListingQuery(), None, MOST_CHOICES)
    names = {assistant.assistant_id: assistant.assistant_name or assistant.assistant_id for assistant in found}
    models = {model for assistant in found for model in assistant.llm_models}
    return Choices(names, {model: model for model in sorted(models)})
