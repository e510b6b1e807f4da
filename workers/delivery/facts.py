"""What is known of an alert at the moment when a notice of it is sent. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.alerting.notices import What


@dataclass(frozen=True, slots=True)
class Personal:
    """What is told of persons where ALERT_PERSONAL_DATA has it told; None where there is nothing."""

    message_text: str | None = None
    caller_number: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """One word about one alert, and the alert; ids, `subject` and `assistant` are empty where there is none."""

    what: What
    alert_id: str
    rule: str
    severity: str
    call_id: str
    message_id: str
    subject: str
    began_at: datetime
    raised_at: datetime
    resolved_at: datetime | None
    detail: Mapping[str, Any] = field(default_factory=dict)
    assistant: str = ""
    is_call_over: bool = False
    personal: Personal = Personal()

    @property
    def delivery_id(self) -> str:
        """By what a receiver knows a notice again that reaches it twice."""
        return f"{self.alert_id}-{self.what}"

    @property
    def happened_at(self) -> datetime:
        """When what the notice tells of happened."""
        return self.resolved_at or self.raised_at if self.what == "resolved" else self.raised_at
