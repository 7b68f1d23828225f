"""Values that only Australia has."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import colander
import phonenumbers

from tp_gateway.fields.values import JsonNumber, JsonSchema

_PHONE = re.compile(r"[0-9+(). -]{6,32}", re.ASCII)


class AhpraNumber(colander.SchemaType):
    """An AHPRA registration number: 3 letters followed by 10 digits (frontend document, settings)."""

    json_schema: ClassVar[JsonSchema] = {"type": "string", "pattern": "^[A-Z]{3}[0-9]{10}$"}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, str) or not re.fullmatch(r"[A-Z]{3}[0-9]{10}", cstruct, re.ASCII):
            raise colander.Invalid(node, "Invalid AHPRA format. Expected: 3 letters followed by 10 digits")
        return cstruct


class AustralianPhone(colander.SchemaType):
    """A phone number that is valid in Australia, kept as written."""

    json_schema: ClassVar[JsonSchema] = {"type": "string", "examples": ["+61 3 9000 0000"]}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        try:
            valid = (
                isinstance(cstruct, str)
                and not isinstance(cstruct, JsonNumber)
                and _PHONE.fullmatch(cstruct) is not None  # the library finds numbers in the middle of other text
                and phonenumbers.is_valid_number_for_region(phonenumbers.parse(cstruct, "AU"), "AU")
            )
        except phonenumbers.NumberParseException:
            valid = False
        if not valid:
            raise colander.Invalid(node, "Not a valid Australian phone number")
        return cstruct
