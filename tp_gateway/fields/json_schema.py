"""colander -> JSON Schema (2020-12): what a schema of a request accepts, as it accepts it.

A type says it by its `json_schema`, a validator too; colander's own are known here. `null` counts as absent.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import colander

JsonSchema = dict[str, Any]
_STOCK: tuple[tuple[type, JsonSchema], ...] = (
    (colander.Sequence, {"type": "array"}),
    (colander.String, {"type": "string"}),
    (colander.Boolean, {"type": "boolean"}),
    (colander.Integer, {"type": "integer"}),
    (colander.Number, {"type": "number"}),
    (colander.DateTime, {"type": "string", "format": "date-time"}),
    (colander.Date, {"type": "string", "format": "date"}),
)
_KEYWORDS: Mapping[str, tuple[type, ...]] = {
    "type": (str, list),
    **dict.fromkeys(("$ref", "description", "format", "pattern"), (str,)),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), (int,)),
    **dict.fromkeys(("minimum", "maximum"), (int, float)),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "enum", "examples", "required"), (list,)),
    **dict.fromkeys(("items", "properties"), (dict,)),
}
"""What the value of a keyword can be, for those that are read again where the document is shown as a page."""


def problem_of(node: colander.SchemaNode) -> str:
    """Why what the node accepts cannot stand in a document. Nothing if it can. Raises what the node raises, and what
    JSON says of what it cannot hold."""
    text = json.dumps(schema_of(node), ensure_ascii=False, allow_nan=False)
    text.encode()  # a lone surrogate
    return next(_wrong(json.loads(text)), "")


def _wrong(found: Any) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{found!r:.40} is no schema"
        return
    for keyword, kinds in _KEYWORDS.items():
        if keyword in found and type(found[keyword]) not in kinds:
            yield f"`{keyword}` cannot be {found[keyword]!r:.40}"
            return
    inner = [*found.get("properties", {}).values(), *([found["items"]] if "items" in found else [])]
    for one in inner + [one for several in ("allOf", "anyOf", "oneOf") for one in found.get(several, [])]:
        yield from _wrong(one)


def schema_of(node: colander.SchemaNode) -> JsonSchema:
    """What the node accepts. A type that says nothing accepts anything, as far as the document knows."""
    if isinstance(node.typ, colander.Mapping):
        found = _object(node)
    else:
        found = _other(node.typ)
        if node.children:
            found["items"] = schema_of(node.children[0])
    for validator in _validators(node.validator):
        found |= _demanded(validator, found.get("type"))
    return found | _told(node)


def field(node: colander.SchemaNode) -> JsonSchema:
    """What may stand under its name in a body: also null, where it may be absent."""
    found = schema_of(node)
    return found if node.required else _or_null(found)


def query_field(node: colander.SchemaNode) -> JsonSchema:
    """In a query, where everything is text: of several spellings the first."""
    found = schema_of(node)
    first = found.pop("anyOf", [{}])[0]
    return first | found


def _object(node: colander.SchemaNode) -> JsonSchema:
    strict = getattr(node.typ, "unknown", "ignore") != "preserve"
    found: JsonSchema = {
        "type": "object",
        "properties": {child.name: field(child) for child in node.children},
        "additionalProperties": not strict,
    }
    required = [child.name for child in node.children if child.required]
    return found | ({"required": required} if required else {})


def _other(kind: Any) -> JsonSchema:
    said = getattr(kind, "json_schema", None)
    if said is not None:
        return deepcopy(dict(said))
    return next((dict(known) for stock, known in _STOCK if isinstance(kind, stock)), {})


def _validators(validator: Any) -> Iterator[Any]:
    if isinstance(validator, colander.All) and not isinstance(validator, colander.Any):
        for one in validator.validators:
            yield from _validators(one)
    elif validator is not None:
        yield validator


def _demanded(validator: Any, kind: str | None) -> JsonSchema:
    said = getattr(validator, "json_schema", None)
    if isinstance(said, Mapping):
        return dict(said)
    if isinstance(validator, colander.Length):
        of = {"array": "Items", "object": "Properties"}.get(kind or "", "Length")
        return _known({f"min{of}": validator.min, f"max{of}": None if validator.max == -1 else validator.max})
    if isinstance(validator, colander.Range):
        return _known({"minimum": _bound(validator.min), "maximum": _bound(validator.max)})
    if isinstance(validator, colander.OneOf):
        return {"enum": [_in_json(choice) for choice in validator.choices]}
    if isinstance(validator, colander.Regex):
        pattern = validator.match_object.pattern
        return {"pattern": "^" + re.sub(r"\\Z$", "$", pattern.removeprefix("^"))}
    return {}


def _in_json(value: Any) -> Any:
    """As it stands in a body."""
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def _bound(value: Any) -> Any:
    """JSON Schema has bounds for numbers only, and none that is infinite."""
    bound = _in_json(value)
    return bound if isinstance(bound, int | float) and math.isfinite(bound) else None


def _known(bounds: JsonSchema) -> JsonSchema:
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _told(node: colander.SchemaNode) -> JsonSchema:
    """What people are told: description, default, that it is never shown again."""
    found: JsonSchema = {}
    own = vars(type(node)).get("__doc__") if type(node) is not colander.SchemaNode else None
    if node.description or own:
        found["description"] = node.description or inspect.cleandoc(own or "")
    if isinstance(node.missing, bool | int | str) and node.missing != "":
        found["default"] = node.missing
    if getattr(node, "secret", False):
        found["writeOnly"] = True
    return found


def _or_null(found: JsonSchema) -> JsonSchema:
    if "type" in found:
        more = {"enum": [*found["enum"], None]} if "enum" in found else {}
        return {**found, "type": [found["type"], "null"], **more}
    return {**found, "anyOf": [*found["anyOf"], {"type": "null"}]} if "anyOf" in found else found
