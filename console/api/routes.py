"""The API's routes: each declared operation is one, answered as JSON, or a listing as CSV or NDJSON."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from console.api import (
    alerts,
    analytics,
    assistants,
    calls,
    events,
    failed,
    histories,
    messages,
    quarantine,
    queues,
    replays,
    sentiments,
    silences,
    turns,
)
from console.api.exports import export
from console.api.openapi import STREAMS, document
from console.api.operations import Command, Declared, Listing, Operation, Query, read_page, read_query
from console.errors import Missing
from console.services import Services

OPERATIONS: tuple[Declared, ...] = (
    *calls.OPERATIONS,
    *messages.OPERATIONS,
    *turns.OPERATIONS,
    *histories.OPERATIONS,
    *sentiments.OPERATIONS,
    *alerts.OPERATIONS,
    *silences.OPERATIONS,
    *analytics.OPERATIONS,
    *assistants.OPERATIONS,
    *events.OPERATIONS,
    *failed.OPERATIONS,
    *quarantine.OPERATIONS,
    *queues.OPERATIONS,
    *replays.OPERATIONS,
)


def api_blueprint(services: Services) -> Blueprint:
    """Make the routes of all operations, and of the document that describes them."""
    blueprint = Blueprint("api", __name__)
    described = msgspec.json.encode(document(OPERATIONS, STREAMS))
    blueprint.get("/api/openapi.json")(lambda: Response(described, content_type="application/json"))
    for declared in OPERATIONS:
        # Ids come from outside and may hold a slash.
        rule = declared.path.replace("{", "<id:").replace("}", ">")
        method, answer = _way_of(declared, services)
        blueprint.add_url_rule(rule, f"{method} {declared.path}", answer, methods=[method])
    return blueprint


def _way_of(declared: Declared, services: Services) -> tuple[str, Callable[..., Response]]:
    if isinstance(declared, Command):
        return "POST", partial(_carry_out, declared, services)
    return "GET", partial(_answer, declared, services)


def _answer(operation: Operation | Listing, services: Services, **path: str) -> Response:
    if any("\0" in value for value in path.values()):
        raise Missing("there is nothing of that name")
    query: Any = read_query(operation.query, request.args)
    if isinstance(operation, Listing):
        if query.format != "json":
            return export(operation, services, path, query)
        told = read_page(operation, services, path, query)
    else:
        told = operation.read(services, path, query)
    return Response(told.model_dump_json(), content_type="application/json")


def _carry_out(command: Command, services: Services) -> Response:
    read_query(Query, request.args)
    if not request.is_json:
        raise UnsupportedMediaType
    told = command.run(services, command.body.validate_json(request.get_data()), services.access.name_of(request))
    return Response(told.model_dump_json(), content_type="application/json")
