"""PayIDs, in the one spelling that banks register: an email address in lower case, an Australian mobile number as
`+61-4…`, an ABN of 11 digits. Organisation identifiers are not taken: patients have none."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import colander

from tp_gateway.contract import fields

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")
_MOBILE = re.compile(r"(?:\+61-?|0)(4[0-9]{8})", re.ASCII)
_ABN = re.compile(r"[0-9]{11}", re.ASCII)
_ABN_WEIGHTS = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
_LONGEST = 256


class PayId(fields.Text):
    """A text -> the PayID as banks spell it."""

    json_schema: ClassVar[fields.JsonSchema] = {
        "type": "string",
        "minLength": 5,
        "maxLength": _LONGEST,
        "examples": ["pat@example.com", "0491 570 156"],
    }

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        text = super().deserialize(node, cstruct)
        if text is colander.null:
            return text
        found = as_registered(text)
        if found is None:
            raise colander.Invalid(node, "Not a PayID: an email address, an Australian mobile number or an ABN")
        return found


def as_registered(text: str) -> str | None:
    """None for what cannot be a PayID."""
    if len(text) > _LONGEST:
        return None
    if _EMAIL.fullmatch(text):
        return text.lower()
    digits = re.sub(r"[ ()]", "", text)
    if mobile := _MOBILE.fullmatch(digits):
        return f"+61-{mobile[1]}"
    return digits if _ABN.fullmatch(digits) and _is_abn(digits) else None


def _is_abn(digits: str) -> bool:
    """abr.business.gov.au/Help/AbnFormat: one off the first digit, weighted, divisible by 89."""
    numbers = [int(digits[0]) - 1, *map(int, digits[1:])]
    return sum(weight * number for weight, number in zip(_ABN_WEIGHTS, numbers, strict=True)) % 89 == 0
