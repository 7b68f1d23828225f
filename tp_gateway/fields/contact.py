"""How people are reached."""

from __future__ import annotations

from typing import Any, ClassVar

import colander

from tp_gateway.addresses import is_email
from tp_gateway.fields.values import JsonSchema, Text


class Email(Text):
    """An e-mail address, kept as written."""

    json_schema: ClassVar[JsonSchema] = {"type": "string", "format": "email", "examples": ["info@clinic.example"]}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        text = super().deserialize(node, cstruct)
        if text is not colander.null and not is_email(text):
            raise colander.Invalid(node, "Not a valid e-mail address")
        return text
