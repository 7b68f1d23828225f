"""A value for a JSON Schema, so that people see what an answer looks like: its example, or the simplest there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SIMPLEST: Mapping[str, Any] = {"string": "", "integer": 1, "number": 1, "boolean": False, "null": None}
_PREFIX = "#/components/schemas/"


def sample(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """`schemas` are those that references name. Of an object, the required keys."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].removeprefix(_PREFIX)], schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("allOf", "anyOf", "oneOf"):
        if several in schema:
            return sample(schema[several][0], schemas)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: sample(schema["properties"][name], schemas) for name in _required(schema)}
    if kind == "array":
        return [sample(schema["items"], schemas)]
    return _SIMPLEST[kind]


def _required(schema: Mapping[str, Any]) -> list[str]:
    """In the order in which they are declared."""
    required = set(schema.get("required", ()))
    return [name for name in schema.get("properties", {}) if name in required]
