"""The API's routes: each declared operation is one, answered as JSON, or a listing as CSV or NDJSON."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from console.api import calls
from console.api.exports import export
from console.api.openapi import document
from console.api.operations import Listing, Operation, read_page
from console.errors import Missing
from console.services import Services

OPERATIONS: tuple[Operation | Listing, ...] = (*calls.OPERATIONS,)


def api_blueprint(services: Services) -> Blueprint:
    """Make the routes of all operations, and of the document that describes them."""
    blueprint = Blueprint("api", __name__)
    described = msgspec.json.encode(document(OPERATIONS))
    blueprint.get("/api/openapi.json")(lambda: Response(described, content_type="application/json"))
    for operation in OPERATIONS:
        answer: Callable[..., Response] = partial(_answer, operation, services)
        # Ids come from outside and may hold a slash.
        rule = operation.path.replace("{", "<path:").replace("}", ">")
        blueprint.add_url_rule(rule, operation.path.removeprefix("/api/"), answer, methods=["GET"])
    return blueprint


def _answer(operation: Operation | Listing, services: Services, **path: str) -> Response:
    if any("\0" in value for value in path.values()):
        raise Missing("there is nothing of that name")
    query: Any = operation.query.model_validate(request.args.to_dict())
    if isinstance(operation, Listing):
        if query.format != "json":
            return export(operation, services, path, query)
        told = read_page(operation, services, path, query)
    else:
        told = operation.read(services, path, query)
    return Response(told.model_dump_json(), content_type="application/json")
