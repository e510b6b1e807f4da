"""The pages' routes, gathered, and the words that all templates write values in."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from flask import Blueprint

from console.pages import (
    alert_figures,
    alert_sentences,
    alert_words,
    alerts,
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
    silences,
)
from console.pages.alert_badge import AlertBadge
from console.pages.liveness import silent_since
from console.services import Services

FILTERS: Mapping[str, Callable[..., object]] = {
    "about_path": formatting.about_path,
    "ago": lambda moment: formatting.ago(moment, datetime.now(UTC)),
    "call_path": formatting.call_path,
    "clock": formatting.clock,
    "coarse": lambda moment: formatting.coarse(moment, datetime.now(UTC)),
    "count": formatting.count,
    "day": formatting.day,
    "deadline": lambda moment: formatting.deadline(moment, datetime.now(UTC)),
    "duration": formatting.duration,
    "exact": formatting.exact,
    "figures": alert_figures.figures_of,
    "happening": alert_sentences.happening,
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
    "standing": lambda alert: alert_words.standing(alert, datetime.now(UTC)),
    "stream_path": formatting.stream_path,
    "words": formatting.words_of,
}


def pages_blueprint(services: Services) -> Blueprint:
    """Make the routes of all pages."""
    blueprint = Blueprint("pages", __name__)
    for name, write in FILTERS.items():
        blueprint.add_app_template_filter(write, name)
    badge = AlertBadge(services)
    blueprint.app_context_processor(lambda: {"alerts_waiting": badge.words})
    for module in (login, live, calls, call, alerts, silences, latency, interruptions):
        module.add_pages(blueprint, services)
    for module in (operations, event, quarantine, replay):
        module.add_pages(blueprint, services)
    return blueprint
