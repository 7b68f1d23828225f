"""The answers of an operation: those that the view declares, and its refusals in their one shape."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from tp_gateway.errors import DEFAULT_DETAILS, TITLES
from tp_gateway.fields.json_schema import JsonSchema
from tp_gateway.views.answers.machines import ERROR
from tp_gateway.views.answers.shape import Answer, File, Shape
from tp_gateway.views.errors import MAY_SAY_WHEN, STATUSES
from tp_gateway.views.openapi.operations import Operation
from tp_gateway.views.openapi.samples import sample

HEADERS = {
    "RequestId": {
        "description": "Quote it when you report a fault.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "IdempotentReplayed": {
        "description": "It is the stored answer of an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
    "RetryAfter": {
        "description": "Seconds to wait before trying again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWWAuthenticate": {"required": True, "schema": {"type": "string", "const": "Bearer"}},
}
EXAMPLES = {
    code: {
        "value": {
            "error": title,
            "details": {"amount": ["Required"]} if code == "validation_error" else DEFAULT_DETAILS.get(code, title),
            "code": code,
        }
    }
    for code, title in TITLES.items()
}
"""One of each refusal."""


def responses(operation: Operation, schemas: dict[str, Any]) -> JsonSchema:
    """OpenAPI's Responses Object. Named schemas go into `schemas`."""
    found = {str(status): _answered(operation, status, answer, schemas) for status, answer in operation.answers.items()}
    by_status: dict[int, list[str]] = {}
    for code in operation.refusals:
        by_status.setdefault(STATUSES[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        if str(status) not in found:
            found[str(status)] = refused(codes, schemas, operation)
    return found


def refused(codes: list[str], schemas: dict[str, Any], operation: Operation | None = None) -> JsonSchema:
    """The refusals of one status."""
    status = STATUSES[codes[0]]
    headers = _headers(operation)
    if set(codes) & MAY_SAY_WHEN:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWWAuthenticate"}
    schema = {"allOf": [pieces(ERROR, schemas)], "properties": {"code": {"enum": codes}}}
    examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    return {
        "description": ", ".join(f"{TITLES[code]} (`{code}`)" for code in codes),
        "headers": headers,
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _answered(operation: Operation, status: int, answer: Answer, schemas: dict[str, Any]) -> JsonSchema:
    found: JsonSchema = {"description": HTTPStatus(status).phrase, "headers": _headers(operation)}
    if isinstance(answer, Shape):
        schema = pieces(answer, schemas)
        found["description"] = answer.about
        found["content"] = {"application/json": {"schema": schema, "example": sample(schema, schemas)}}
    elif isinstance(answer, File):
        found["description"] = answer.about
        found["content"] = {media: {"schema": {"type": "string"}} for media in answer.media}
    return found


def _headers(operation: Operation | None) -> JsonSchema:
    headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if operation is not None and operation.options.get("idempotent"):
        headers["Idempotent-Replayed"] = {"$ref": "#/components/headers/IdempotentReplayed"}
    return headers


def pieces(piece: Any, schemas: dict[str, Any]) -> Any:
    """A declared piece as JSON Schema: every shape in it becomes a reference, and stands in `schemas`."""
    if isinstance(piece, Shape):
        if piece.name not in schemas:
            schemas[piece.name] = {}  # before its own pieces: a shape may stand in itself
            schemas[piece.name] = pieces(piece.schema(), schemas)
        return {"$ref": f"#/components/schemas/{piece.name}"}
    if isinstance(piece, Mapping):
        return {name: pieces(one, schemas) for name, one in piece.items()}
    if isinstance(piece, list):
        return [pieces(one, schemas) for one in piece]
    return piece
