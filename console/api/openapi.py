"""The OpenAPI document, made from the declared operations: what is documented is what is answered. Pure."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from console.api.operations import Listing, Operation, Problem

_REFERENCES = "#/components/schemas/{model}"
_PATH_PARAMETER = re.compile(r"{(\w+)}")
_PROBLEMS = {
    "401": "a token is missing or wrong",
    "422": "a parameter makes no sense; the error names it",
    "503": "PostgreSQL or Redis cannot be read at the moment",
}

Json = dict[str, Any]


def document(operations: Iterable[Operation | Listing], extra_paths: Mapping[str, Json] | None = None) -> Json:
    """Write the document; `extra_paths` are path items written by hand, for what is no plain question and answer."""
    declared = list(operations)
    answers: list[type[BaseModel]] = [*map(_told, declared), Problem]
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(kind, "serialization") for kind in dict.fromkeys(answers)]
    _, schemas = models_json_schema(models, ref_template=_REFERENCES)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Earshot", "version": version("earshot"), "description": _DESCRIPTION},
        "security": [{"token": []}],
        "paths": {**{operation.path: {"get": _described(operation)} for operation in declared}, **(extra_paths or {})},
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_DESCRIPTION = (
    "Calls, their messages, turns and figures, and what has failed. Times are ISO 8601 with a time zone; durations are "
    "milliseconds. A listing gives `next`, the `cursor` of its next page, or null."
)


def parameters(query: type[BaseModel], path: str) -> list[Json]:
    """Describe the parameters of a path and of a query."""
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PATH_PARAMETER.findall(path)
    ]
    schema = query.model_json_schema()
    required = schema.get("required", [])
    in_query = [
        {"name": name, "in": "query", "required": name in required, "schema": _inlined(kind, schema)}
        for name, kind in schema.get("properties", {}).items()
    ]
    return [*in_path, *in_query]


def problems(*codes: str, path: str = "") -> Json:
    """Describe the answers when something is wrong; a path with a parameter may name what is not there."""
    told = {code: text for code, text in _PROBLEMS.items() if not codes or code in codes}
    missing = {"404": "what the path names is not there"} if _PATH_PARAMETER.search(path) else {}
    return {
        code: {"description": text, "content": _json(Problem)} for code, text in sorted({**told, **missing}.items())
    }


def _described(operation: Operation | Listing) -> Json:
    content = _json(_told(operation))
    if isinstance(operation, Listing):
        text = {"schema": {"type": "string"}}
        content |= {"text/csv": text, "application/x-ndjson": text}
    return {
        "operationId": _PATH_PARAMETER.sub(r"\1", operation.path).strip("/").replace("/", "_"),
        "summary": operation.summary,
        "parameters": parameters(operation.query, operation.path),
        "responses": {"200": {"description": "found", "content": content}, **problems(path=operation.path)},
    }


def _told(operation: Operation | Listing) -> type[BaseModel]:
    return operation.answer if isinstance(operation, Operation) else operation.page


def _json(kind: type[BaseModel]) -> Json:
    return {"application/json": {"schema": {"$ref": _REFERENCES.format(model=kind.__name__)}}}


def _inlined(kind: Json, schema: Json) -> Json:
    """Put a definition in the place of the reference to it: a parameter's schema stands alone."""
    name = kind.get("$ref", "").rpartition("/")[2]
    return schema["$defs"][name] if name else kind
