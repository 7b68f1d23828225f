"""Fields of a schema as an HTML table."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_PREFIX = "#/components/schemas/"


def fields_table(schema: Mapping[str, Any]) -> str:
    """One row for each field; objects in it as tables of their own."""
    required = schema.get("required", ())
    rows = "".join(_row(name, one, name in required) for name, one in schema.get("properties", {}).items())
    return f"<table>{rows}</table>" if rows else "<p>No fields.</p>"


def _row(name: str, schema: Mapping[str, Any], required: bool) -> str:
    need = '<td class="need">required</td>' if required else "<td></td>"
    about = f"<p>{escape(schema['description'])}</p>" if "description" in schema else ""
    inner = next((one for one in _inside(schema) if "properties" in one), None)
    table = fields_table(inner) if inner else ""
    return f"<tr><td><code>{escape(name)}</code></td>{need}<td>{kind_of(schema)}{about}{table}</td></tr>"


def _inside(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = schema.get("items")
    return [schema, *([items] if isinstance(items, Mapping) else [])]


def kind_of(schema: Mapping[str, Any]) -> str:
    """What may stand there, in few words: `text, 1 to 32`, `one of card, medicare`."""
    if "$ref" in schema:
        return escape(schema["$ref"].removeprefix(_PREFIX))
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema and "type" not in schema:
            return " or ".join(dict.fromkeys(kind_of(one) for one in schema[several]))
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "enum" in schema:
        return "one of " + ", ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"] if one is not None)
    kinds = schema.get("type", "anything")
    words = [str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds])]
    name = " or ".join(_PLAIN.get(word, word) for word in words)
    if "array" in words:
        name = name.replace("list", f"list of {kind_of(schema.get('items', {}))}")
    return name + _bounds(schema)


_PLAIN = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}


def _bounds(schema: Mapping[str, Any]) -> str:
    least = schema.get("minLength", schema.get("minItems", schema.get("minimum")))
    most = schema.get("maxLength", schema.get("maxItems", schema.get("maximum")))
    if most is not None and most >= 2**63 - 1:
        most = None
    found = f", {least} to {most}" if least is not None and most is not None else ""
    if not found and most is not None:
        found = f", at most {most}"
    if schema.get("examples"):
        found += f", such as <code>{escape(str(schema['examples'][0]))}</code>"
    if "default" in schema:
        found += f"; <code>{escape(str(schema['default']))}</code> unless given"
    return found
