"""What a replay is ordered by: where to look, what to choose there, and whether only to tell how much it would be."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from console.api.failed import Stage
from console.api.operations import Moment, Text
from shared.filters import DeadLetterFilter, QuarantineFilter

# Either all there is, or what a filter chooses.
_CHOICE: dict[str, JsonValue] = {
    "oneOf": [
        {"required": ["all"], "properties": {"all": {"const": True}, "filter": {"maxProperties": 0}}},
        {"required": ["filter"], "properties": {"all": {"const": False}, "filter": {"minProperties": 1}}},
    ]
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Choice(_Part):
    @field_validator("*", mode="before")
    @classmethod
    def _refuse_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("leave out what does not choose")
        return value


class DeadLetterChoice(_Choice):
    """Which dead letters; all filters must hold. `since` and `until` are about the time of failing, both included."""

    stage: Stage | None = None
    error: Text | None = None
    call_id: Text | None = None
    event_id: Text | None = None
    since: Moment | None = None
    until: Moment | None = None


class QuarantineChoice(_Choice):
    """Which deliveries; all filters must hold. `since` and `until` are about the time of receipt, both included."""

    reason: Text | None = None
    event_id: Text | None = None
    since: Moment | None = None
    until: Moment | None = None


class _Order(_Part):
    model_config = ConfigDict(json_schema_extra={**_CHOICE})

    action: Literal["replay"] = "replay"
    everything: bool = Field(default=False, alias="all", description="all there is, in place of a filter")
    dry_run: bool = Field(default=False, description="tell how many it would be, and change nothing")


class DeadLetterOrder(_Order):
    """What is to be done with which dead letters."""

    source: Literal["dead_letters"]
    filter: DeadLetterChoice = DeadLetterChoice()

    @property
    def wanted(self) -> DeadLetterFilter:
        """The filter, as dead letters are found by."""
        return DeadLetterFilter(**self.filter.model_dump())


class QuarantineOrder(_Order):
    """What is to be done with which deliveries in quarantine."""

    source: Literal["quarantine"]
    filter: QuarantineChoice = QuarantineChoice()

    @property
    def wanted(self) -> QuarantineFilter:
        """The filter, as deliveries are found by."""
        return QuarantineFilter(**self.filter.model_dump())


Order = DeadLetterOrder | QuarantineOrder
