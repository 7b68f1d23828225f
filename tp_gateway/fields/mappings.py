"""What holds values together: lists, objects, and the one way to run a schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import colander

from tp_gateway.errors import ValidationError
from tp_gateway.fields.values import Text


class Sequence(colander.Sequence):
    """A JSON list; unlike colander's own it does not repeat what was sent."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any, accept_scalar: bool | None = None) -> Any:
        if cstruct is not colander.null and not isinstance(cstruct, list):
            raise colander.Invalid(node, "Not a list")
        return super().deserialize(node, cstruct, accept_scalar)


class StrictMapping(colander.Mapping):
    """A mapping that names every unknown key instead of dropping it, and reads `null` as absent."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, dict):
            raise colander.Invalid(node, "Not an object")
        error: colander.Invalid | None = None
        result: Any = None
        try:
            result = super().deserialize(node, {key: value for key, value in cstruct.items() if value is not None})
        except colander.Invalid as invalid:
            error = invalid
        for key in sorted(set(cstruct) - {child.name for child in node.children}):
            error = error or colander.Invalid(node)
            error.add(colander.Invalid(colander.SchemaNode(Text(), name=key), "Unknown field"))
        if error is not None:
            raise error
        return result


class Schema(colander.Schema):
    """The base of every schema of a request, a provider's parameters or a provider's settings."""

    schema_type = StrictMapping


def validate(schema: colander.SchemaNode, value: Any) -> dict[str, Any]:
    """Run a schema. ValidationError has field -> list of messages, nested as the schema is."""
    try:
        validated: dict[str, Any] = schema.deserialize(value)
    except colander.Invalid as invalid:
        messages = _messages(invalid)
        raise ValidationError(messages if isinstance(messages, Mapping) else {"body": messages}) from None
    return validated


def _messages(invalid: colander.Invalid) -> Any:
    if invalid.children:
        found: dict[str, Any] = {}
        for child in invalid.children:
            name = str(child.pos) if child.positional else printable(child.node.name)
            found[name] = _messages(child)
        return found
    return list(_texts(invalid.messages()))


def _texts(messages: Iterable[Any]) -> Iterable[str]:
    for message in messages:
        shown = message.interpolate() if hasattr(message, "interpolate") else str(message)
        yield shown.encode("utf-8", "replace").decode()


def printable(name: str) -> str:
    """A key from outside, short enough and safe to be named in an answer."""
    return name.encode("utf-8", "replace").decode()[:64]
