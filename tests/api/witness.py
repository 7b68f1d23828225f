"""Holds every answer of the test application to the API document: its status, its code, its headers, and its JSON with
no key too many. What the document does not say cannot be answered, and what it says cannot be wrong for long."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import jsonschema_rs
from pyramid.exceptions import URLDecodeError
from pyramid.interfaces import IRoutesMapper
from pyramid.request import Request

SHOWN_BY_PROVIDERS = {
    "claim": {"type": "object"},
    "receipt": {"type": "object"},
    "warnings": {"type": "array", "items": {"type": "string"}},
}
"""What the providers that come with the gateway add to payments and rebate claims (`Outcome.provider_state`)."""


_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')
BUILT_IN = {"stripe", "bank_transfer", "in_person", "medicare"}


def check(registry: Any, response: Any) -> None:
    """AssertionError for an answer of the application with this registry that its document does not have."""
    document = registry["api_document"].body
    strangers = {one.slug for one in registry["gateway"].registry} - BUILT_IN
    request, read = response.request, _read(document, not strangers)
    operation = _operation(registry, request, read)
    seen = f"{request.method} {request.environ['PATH_INFO']!r} answered {response.status_code}: {response.body[:500]!r}"
    assert response.headers["X-Request-Id"], seen
    if response.status_code == 204 and request.method == "OPTIONS":
        return  # a preflight
    if operation is None:
        assert response.status_code in (400, 404, 405), seen
        _require(read.validator("refusal"), response, seen)
        return
    told = read.told(*operation)
    assert str(response.status_code) in told, f"not in the document: {seen}"
    answer = told[str(response.status_code)]
    for name, header in answer["headers"].items():
        needed = read.resolved(header).get("required", False)
        assert name in response.headers or not needed, f"{name} is missing: {seen}"
    extra = {"Retry-After", "Idempotent-Replayed", "WWW-Authenticate"} & set(response.headers)
    assert extra <= set(answer["headers"]), f"{extra} not in the document: {seen}"
    media = response.headers.get("Content-Type", "").partition(";")[0]
    content = answer.get("content", {})
    if not content:
        assert not response.body, seen
    elif "application/json" in content:
        assert media == "application/json", seen
        _require(read.validator((*operation, str(response.status_code))), response, seen)
    else:
        assert media in content or "*/*" in content, seen


def _require(validator: Any, response: Any, seen: str) -> None:
    if response.request.method == "HEAD":
        return
    wrong = [
        f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(json.loads(response.text))
    ]
    assert not wrong, f"outside of the document, {wrong[:3]}: {seen}"


def _operation(registry: Any, request: Any, read: _Document) -> tuple[str, str] | None:
    """Method and path as the document writes them; None where there is no such route, or it has no such method."""
    try:
        route = registry.queryUtility(IRoutesMapper)(Request.blank("/", environ=dict(request.environ)))["route"]
    except URLDecodeError:
        return None
    if route is None or "\n" in request.environ["PATH_INFO"]:
        return None
    path = re.sub(r"{(\w+):.*?}(?=[/-])", r"{\1}", route.pattern)
    method = "GET" if request.method == "HEAD" else request.method
    return (method, path) if method.lower() in read.document["paths"][path] else None


@lru_cache(8)
def _read(document: bytes, strict: bool) -> _Document:
    return _Document(document, strict)


class _Document:
    """`application/json` schemas can be made `strict`: a key beyond those declared is a built-in provider's, and known
    here."""

    def __init__(self, body: bytes, strict: bool) -> None:
        self.document = json.loads(body)
        self._validators: dict[Any, Any] = {}
        schemas = self.document["components"]["schemas"]
        for schema in schemas.values():
            if strict and "shows of it" in str(schema.get("additionalProperties")):
                schema["properties"] |= SHOWN_BY_PROVIDERS
                schema["additionalProperties"] = False
        self._schemas = schemas

    def told(self, method: str, path: str) -> dict[str, Any]:
        return dict(self.document["paths"][path][method.lower()]["responses"])

    def resolved(self, piece: dict[str, Any]) -> dict[str, Any]:
        found: Any = piece
        if "$ref" in piece:
            found = self.document
            for step in piece["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        return dict(found)

    def validator(self, key: Any) -> Any:
        if key not in self._validators:
            if key == "refusal":
                schema = {"$ref": "#/components/schemas/Error"}
            else:
                method, path, status = key
                schema = self.told(method, path)[status]["content"]["application/json"]["schema"]
            needed = {"components": {"schemas": self._needed_by(schema)}}
            made = jsonschema_rs.Draft202012Validator({**schema, **needed}, validate_formats=True)
            self._validators[key] = made
        return self._validators[key]

    def _needed_by(self, schema: Any) -> dict[str, Any]:
        """The schemas that it refers to: with all of them a validator takes megabytes, and there is one for each
        answer."""
        needed: dict[str, Any] = {}
        waiting = [schema]
        while waiting:
            for name in set(_REFERENCE.findall(json.dumps(waiting.pop()))) - needed.keys():
                needed[name] = self._schemas[name]
                waiting.append(needed[name])
        return needed
