"""The pages' routes, gathered, and the words that all templates write values in."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from flask import Blueprint

from console.pages import call, calls, formatting, interruptions, latency, live, login, operations, quarantine, replay
from console.services import Services

FILTERS: Mapping[str, Callable[..., str]] = {
    "ago": lambda moment: formatting.ago(moment, datetime.now(UTC)),
    "call_path": formatting.call_path,
    "clock": formatting.clock,
    "count": formatting.count,
    "day": formatting.day,
    "duration": formatting.duration,
    "exact": formatting.exact,
    "lasted": formatting.lasted,
    "minute": formatting.minute,
    "money": formatting.money,
    "offset": formatting.offset,
    "percent": formatting.percent,
    "quoted": formatting.quoted,
    "seconds": formatting.seconds,
    "shortened": formatting.shortened,
    "stream_path": formatting.stream_path,
    "words": formatting.words_of,
}


def pages_blueprint(services: Services) -> Blueprint:
    """Make the routes of all pages."""
    blueprint = Blueprint("pages", __name__)
    for name, write in FILTERS.items():
        blueprint.add_app_template_filter(write, name)
    for module in (login, live, calls, call, latency, interruptions, operations, quarantine, replay):
        module.add_pages(blueprint, services)
    return blueprint
