"""The pages' routes, gathered, and the words that all templates write values in."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from flask import Blueprint

from console.pages import (
    call,
    calls,
    event,
    formatting,
    interruptions,
    latency,
    live,
    login,
    operations,
    quarantine,
    replay,
)
from console.pages.liveness import silent_since
from console.services import Services

FILTERS: Mapping[str, Callable[..., object]] = {
    "ago": lambda moment: formatting.ago(moment, datetime.now(UTC)),
    "call_path": formatting.call_path,
    "clock": formatting.clock,
    "coarse": lambda moment: formatting.coarse(moment, datetime.now(UTC)),
    "count": formatting.count,
    "day": formatting.day,
    "duration": formatting.duration,
    "exact": formatting.exact,
    "id_end": formatting.id_end,
    "is_minute": formatting.is_minute,
    "lasted": formatting.lasted,
    "minute": formatting.minute,
    "money": formatting.money,
    "offset": formatting.offset,
    "percent": formatting.percent,
    "quoted": formatting.quoted,
    "seconds": formatting.seconds,
    "shortened": formatting.shortened,
    "silent_since": lambda call: silent_since(call, datetime.now(UTC)),
    "stream_path": formatting.stream_path,
    "words": formatting.words_of,
}


def pages_blueprint(services: Services) -> Blueprint:
    """Make the routes of all pages."""
    blueprint = Blueprint("pages", __name__)
    for name, write in FILTERS.items():
        blueprint.add_app_template_filter(write, name)
    for module in (login, live, calls, call, latency, interruptions, operations, event, quarantine, replay):
        module.add_pages(blueprint, services)
    return blueprint
