"""Silencing a rule from a page, and ending a silence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from flask import Blueprint, redirect, render_template, request
from pydantic import TypeAdapter, ValidationError
from werkzeug.wrappers import Response

from console.api.silences import Ending, SilenceOrder, end_silences, silence
from console.errors import Missing
from console.pages.alerts import read_rules
from console.pages.labels import describe_filters
from console.services import Services
from shared.alerting.rule_faults import NAME, RESERVED_NAME

LENGTHS: Mapping[str, str] = {"3600": "1 hour", "14400": "4 hours", "86400": "1 day"}
# No rule has such a name.
ALL_RULES = "all rules"

_ORDER: TypeAdapter[SilenceOrder] = TypeAdapter(SilenceOrder)


@dataclass(frozen=True, slots=True)
class SilencePage:
    """What the form holds, and what is wrong with it."""

    asked: Mapping[str, str] = field(default_factory=dict)
    rules: Sequence[str] = ()
    problem: str = ""


def add_pages(blueprint: Blueprint, services: Services) -> None:
    """Add /alerts/silence, a form; posted to, /alerts/silences begins a silence, and its /endings ends one."""

    @blueprint.get("/alerts/silence")
    def silence_form() -> str:
        return _show(SilencePage(request.args.to_dict(), read_choices(services)))

    @blueprint.post("/alerts/silences")
    def begin_silence() -> Response | tuple[str, int]:
        asked = {name: value.strip() for name, value in request.form.items() if name != "csrf_token"}
        try:
            silence(services, read_silence(asked), services.access.name_of(request))
        except ValidationError as error:
            return _show(SilencePage(asked, read_choices(services), describe_filters(error))), 422
        return redirect("/alerts#silences", 303)

    @blueprint.post("/alerts/silences/endings")
    def end_silence() -> Response:
        told = request.form.get("silence_id", "")
        if not told.isascii() or not told.isdigit():
            raise Missing("there is no silence of that id")
        end_silences(services, Ending(silence_ids=[int(told)]), services.access.name_of(request))
        return redirect("/alerts#silences", 303)


def read_choices(services: Services) -> Sequence[str]:
    """Read what the form proposes: the rules by which alerts were raised. There may be others."""
    return [ALL_RULES, *(rule for rule in read_rules(services) if rule != RESERVED_NAME)]


def read_silence(asked: Mapping[str, str]) -> SilenceOrder:
    """Read what a form orders; a field left empty is not told, but a rule must be named. Raises ValidationError."""
    told: dict[str, Any] = {name: value for name, value in asked.items() if value}
    if asked.get("rule") == ALL_RULES:
        told["rule"] = ""
    if asked.get("for_seconds", "") in LENGTHS:
        told["for_seconds"] = int(asked["for_seconds"])
    return _ORDER.validate_json(msgspec.json.encode(told))


def _show(page: SilencePage) -> str:
    return render_template("silence.html", page=page, lengths=LENGTHS, pattern=f"{NAME.pattern}|{ALL_RULES}")
