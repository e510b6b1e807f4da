"""The OpenAPI document, made from the declared operations: what is documented is what is answered. Pure."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from console.api.operations import Command, Declared, Listing, Operation, Problem, Query

_REFERENCES = "#/components/schemas/{model}"
_PATH_PARAMETER = re.compile(r"{(\w+)}")
_PROBLEMS = {
    "400": "a session without the header X-CSRFToken of its pages",
    "401": "a token is missing or wrong",
    "404": "what the path names is not there",
    "413": "the body is too large",
    "415": "the body is not declared to be JSON",
    "422": "a parameter makes no sense; the error names it",
    "503": "PostgreSQL or Redis cannot be read at the moment",
}
_OF_READS = ("401", "422", "503")
_OF_COMMANDS = ("400", "401", "413", "415", "422", "503")
_DESCRIPTION = (
    "Calls, their messages, turns and figures, alerts, and what has failed. Times are ISO 8601 with a time zone; "
    "durations are milliseconds. A listing gives `next`, the `cursor` of its next page, or null. The console's own "
    "pages are admitted by their session in place of a token."
)

Json = dict[str, Any]
_References = Mapping[tuple[Any, JsonSchemaMode], Json]


def document(operations: Iterable[Declared], extra_paths: Mapping[str, Json] | None = None) -> Json:
    """Write the document; `extra_paths` are path items written by hand, for what is no plain question and answer."""
    declared = list(operations)
    references, schemas = _schemas(declared)
    paths: dict[str, Json] = {}
    for one in declared:
        method = "post" if isinstance(one, Command) else "get"
        paths.setdefault(one.path, {})[method] = _described(one, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Earshot", "version": version("earshot"), "description": _DESCRIPTION},
        "security": [{"token": []}],
        "paths": {**paths, **(extra_paths or {})},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def parameters(query: type[BaseModel], path: str) -> list[Json]:
    """Describe the parameters of a path and of a query."""
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PATH_PARAMETER.findall(path)
    ]
    schema = query.model_json_schema()
    required = schema.get("required", [])
    in_query = [
        {"name": name, "in": "query", "required": name in required, "schema": _alone(kind, schema)}
        for name, kind in schema.get("properties", {}).items()
    ]
    return [*in_path, *in_query]


def problems(*codes: str, path: str = "") -> Json:
    """Describe the answers when something is wrong; a path with a parameter may name what is not there."""
    told = {*(codes or _OF_READS), *(["404"] if _PATH_PARAMETER.search(path) else [])}
    content = _json({"$ref": _REFERENCES.format(model=Problem.__name__)})
    return {code: {"description": _PROBLEMS[code], "content": content} for code in sorted(told)}


class _Generator(GenerateJsonSchema):
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Describe what may be left out of a body without the null that stands for it."""
        if self.mode == "validation":
            return self.generate_inner(schema["schema"])
        return super().nullable_schema(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Describe a default, unless it stands for what is left out."""
        described = super().default_schema(schema)
        if isinstance(described.get("default"), dict | None):
            described.pop("default", None)
        return described


def _schemas(declared: Iterable[Declared]) -> tuple[_References, Json]:
    inputs: list[tuple[Any, JsonSchemaMode, Any]] = [(Problem, "serialization", Problem.__pydantic_core_schema__)]
    for one in declared:
        told = _told(one)
        inputs.append((told, "serialization", told.__pydantic_core_schema__))
        if isinstance(one, Command):
            inputs.append((one.path, "validation", one.body.core_schema))
    references, schemas = _Generator(ref_template=_REFERENCES).generate_definitions(inputs)
    return references, dict(schemas.items())


def _described(one: Declared, references: _References) -> Json:
    answer = references[_told(one), "serialization"]
    described = {
        "operationId": _PATH_PARAMETER.sub(r"\1", one.path).strip("/").replace("/", "_"),
        "summary": one.summary,
    }
    if isinstance(one, Command):
        body = {"required": True, "content": _json(references[one.path, "validation"])}
        described["operationId"] += "_post"
        responses = {"200": {"description": "done", "content": _json(answer)}, **problems(*_OF_COMMANDS)}
        return {**described, "parameters": parameters(Query, one.path), "requestBody": body, "responses": responses}
    content = _json(answer)
    if isinstance(one, Listing):
        text = {"schema": {"type": "string"}}
        content |= {"text/csv": text, "application/x-ndjson": text}
    responses = {"200": {"description": "found", "content": content}, **problems(path=one.path)}
    asked = [_of_listing(parameter, one) for parameter in parameters(one.query, one.path)]
    return {**described, "parameters": asked, "responses": responses}


def _of_listing(parameter: Json, one: Operation | Listing) -> Json:
    if not isinstance(one, Listing) or parameter["name"] != "cursor":
        return parameter
    return {**parameter, "schema": {**parameter["schema"], "pattern": one.cursor.pattern}}


def _told(one: Declared) -> type[BaseModel]:
    return one.page if isinstance(one, Listing) else one.answer


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _alone(kind: Json, schema: Json) -> Json:
    """Write the schema of a parameter so that it stands alone: without references, and without null, which none is."""
    kinds = [one for one in kind.get("anyOf", ()) if one != {"type": "null"}]
    (of_value,) = kinds if len(kinds) == 1 else [{key: part for key, part in kind.items() if key != "$ref"}]
    name = kind.get("$ref", of_value.get("$ref", "")).rpartition("/")[2]
    about = {key: kind[key] for key in ("description", "default") if kind.get(key) is not None}
    return {**(schema["$defs"][name] if name else of_value), **about}


def _stream(path: str, summary: str, events: str) -> Json:
    after = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    text = "a point in time, as an event's `id` gives it; 0 for everything there is. Without it the stream begins now"
    description = (
        f"Server-sent events {events}; `data` is JSON, as the listings have it. `state` tells in `is_live` whether "
        "changes can be read, and in `reason` why not. Heartbeats are comment lines. A stream ends after 15 minutes: "
        "open it anew with the last `id`."
    )
    return {
        "get": {
            "operationId": _PATH_PARAMETER.sub(r"\1", path).strip("/").replace("/", "_"),
            "summary": summary,
            "description": description,
            "parameters": [
                *parameters(Query, path),
                {"name": "after", "in": "query", "required": False, "schema": after, "description": text},
                {"name": "Last-Event-ID", "in": "header", "required": False, "schema": after},
            ],
            "responses": {
                "200": {
                    "description": "what changes from now on",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                },
                **problems(path=path),
            },
        }
    }


# Answered in console/streams.
STREAMS: Mapping[str, Json] = {
    path: _stream(path, summary, events)
    for path, summary, events in (
        ("/api/stream", "Calls as they appear, change and end", "named `call`"),
        (
            "/api/calls/{call_id}/stream",
            "What is said and happens in a call",
            "named `message`, `status`, `interruption`, `incident`, `sentiment`, `alert`, `turn` and `call`",
        ),
    )
}
