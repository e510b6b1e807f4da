"""Which dead letters, and which deliveries in quarantine, a person means. Pure."""

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, field_validator

from shared.stages import QUEUES


class _Filter(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: str | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it lets everything through."""
        return not self.as_json()

    def as_json(self) -> dict[str, Any]:
        """Write down what it asks for, and nothing of what it leaves open."""
        return self.model_dump(mode="json", exclude_none=True)


class DeadLetterFilter(_Filter):
    """Dead letters by stage, class of the error, call, event and time of failing."""

    stage: str | None = None
    error: str | None = None
    call_id: str | None = None

    @field_validator("stage")
    @classmethod
    def _know_the_stage(cls, value: str | None) -> str | None:
        if value is not None and value not in QUEUES:
            raise ValueError(f"there is no stage of that name; known are {', '.join(QUEUES)}")
        return value

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages to look at."""
        return QUEUES if self.stage is None else (self.stage,)


class QuarantineFilter(_Filter):
    """Deliveries in quarantine by reason, event and time of receipt."""

    reason: str | None = None
