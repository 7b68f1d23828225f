"""Strict colander types of this provider, in the manner of `fields`: one spelling of a value, and no message repeats
what was sent, because it may be somebody's card number."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import colander

from tp_gateway.contract import fields
from tp_gateway.providers.medicare.identifiers import InvalidIdentifier


class Choice(colander.SchemaType):
    """The text of one member of an enumeration -> the member."""

    def __init__(self, members: type[StrEnum]) -> None:
        self.members = members
        self.json_schema = {"type": "string", "enum": [member.value for member in members]}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, str) or cstruct not in {member.value for member in self.members}:
            raise colander.Invalid(node, f"Not one of {', '.join(self.members)}")
        return self.members(cstruct)


class Identifier(fields.Text):
    """A text that one of the functions of `identifiers` reads (`card_number`, `reference_number`, `provider_number`)
    -> its one spelling."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self.read = read

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        text = super().deserialize(node, cstruct)
        if text is colander.null:
            return colander.null
        try:
            return self.read(text)
        except InvalidIdentifier as invalid:
            raise colander.Invalid(node, str(invalid)) from None
