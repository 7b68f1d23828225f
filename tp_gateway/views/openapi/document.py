"""The API document: OpenAPI 3.1, made once, from what the application runs on."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from typing import Any

from tp_gateway.contract import Manifest
from tp_gateway.errors import TITLES
from tp_gateway.fields.json_schema import JsonSchema, query_field
from tp_gateway.identity import SERVICE
from tp_gateway.views.idempotency import HEADER
from tp_gateway.views.openapi.bodies import able, request_body
from tp_gateway.views.openapi.links import links
from tp_gateway.views.openapi.operations import Operation
from tp_gateway.views.openapi.responses import EXAMPLES, HEADERS, refused, responses

_ABOUT = """JSON in, JSON out. Paths end with a slash. Amounts are decimal text (`"180.00"`), except for the card form,
where they are whole minor units (`18000`). Moments are UTC (`2025-01-19T10:30:00Z`).

A patient sees and does what is theirs: what belongs to somebody else answers 404 `not_found`, like what is not there.
A method that a path does not have answers 405 `method_not_allowed`, and `Allow` names those that it has. Fields that
are not in this document are refused by name; `null` counts as absent."""
_SCHEMES = {
    "user": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of the clinic's backend (djangorestframework-simplejwt).",
    },
    "service": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A machine's token, made by `tp-gateway token NAME`.",
    },
}


def document(operations: Iterable[Operation], manifests: Iterable[Manifest]) -> JsonSchema:
    """`manifests` are those of the providers that are switched on."""
    every, providers = list(operations), sorted(manifests, key=lambda one: one.slug)
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for operation in every:
        item = paths.setdefault(operation.path, {})
        item[operation.method.lower()] = _operation(operation, every, providers, schemas)
    not_allowed = refused(["method_not_allowed"], schemas)
    not_allowed["headers"]["Allow"] = {"required": True, "schema": {"type": "string"}}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": "TP Gateway", "version": metadata.version("tp-gateway"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": _tags(every),
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {"MethodNotAllowed": not_allowed},
            "headers": HEADERS,
            "parameters": {"IdempotencyKey": HEADER},
            "examples": {code: EXAMPLES[code] for code in TITLES},
            "securitySchemes": _SCHEMES,
        },
    }


def _operation(
    operation: Operation, every: list[Operation], manifests: list[Manifest], schemas: dict[str, Any]
) -> JsonSchema:
    summary, description = operation.told
    found: JsonSchema = {"operationId": operation.id, "tags": [operation.group], "summary": summary}
    if description:
        found["description"] = description
    parameters = [*_in_path(operation, manifests), *_in_query(operation)]
    if operation.options.get("idempotent"):
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if parameters:
        found["parameters"] = parameters
    body = request_body(operation, manifests, schemas)
    if body:
        found["requestBody"] = body
    found["responses"] = responses(operation, schemas)
    for status, answer in operation.answers.items():
        onward = links(operation, answer, every)
        if onward:
            found["responses"][str(status)]["links"] = onward
    found["security"] = [{("service" if role == SERVICE else "user"): [role]} for role in operation.roles]
    return found


def _in_path(operation: Operation, manifests: list[Manifest]) -> list[JsonSchema]:
    found = []
    for name, pattern in operation.parts.items():
        schema: JsonSchema = {"type": "string", "pattern": f"^{pattern}$"}
        if name == "id":
            schema = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1, "examples": [789]}
        elif able(operation, manifests):
            schema = {"type": "string", "enum": [one.slug for one in able(operation, manifests)]}
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    return found


def _in_query(operation: Operation) -> list[JsonSchema]:
    schema = operation.options.get("query")
    return [
        {"name": node.name, "in": "query", "required": bool(node.required), "schema": query_field(node)}
        for node in (schema().children if schema else ())
    ]


def _tags(operations: list[Operation]) -> list[JsonSchema]:
    """A group for each module of views, in the order of the routes."""
    return [
        {"name": name, "description": about}
        for name, about in {operation.group: operation.about_group for operation in operations}.items()
    ]
