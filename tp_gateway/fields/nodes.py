"""Nodes and validators that schemas of several places are made of."""

from __future__ import annotations

from typing import Any

import colander

from tp_gateway.fields.values import Text, documented


def one_of(*choices: str) -> Any:
    """A validator that names the choices, and unlike colander's does not repeat what was sent."""

    @documented(enum=[str(choice) for choice in choices])
    def check(node: colander.SchemaNode, value: str) -> None:
        if value not in choices:
            raise colander.Invalid(node, f"Not one of: {', '.join(choices)}")

    return check


def optional(kind: colander.SchemaType, **options: Any) -> colander.SchemaNode:
    """A field that may be absent or null, and is None then."""
    return colander.SchemaNode(kind, missing=None, **options)


def text(least: int, most: int, **options: Any) -> colander.SchemaNode:
    return colander.SchemaNode(Text(), validator=colander.Length(min=least, max=most), **options)
