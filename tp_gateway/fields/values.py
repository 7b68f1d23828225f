"""Types of single values: amounts, ids, texts, moments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

import colander

from tp_gateway import money

MAX_ID = 2**63 - 1
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"[0-9TWZ:+. -]{10,40}", re.ASCII)
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,3})?", re.ASCII)
_ID_TEXT = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
JsonSchema = Mapping[str, Any]
Checked = TypeVar("Checked", bound=Callable[..., Any])


def documented(**json_schema: Any) -> Callable[[Checked], Checked]:
    """A decorator for validators: what they demand, in the words of JSON Schema (`documented(enum=["cash"])`)."""

    def mark(validator: Checked) -> Checked:
        validator.json_schema = json_schema  # type: ignore[attr-defined]
        return validator

    return mark


class JsonNumber(str):
    """A JSON number with a fraction or exponent, kept as the text that was sent."""

    __slots__ = ()


class Amount(colander.SchemaType):
    """Decimal text (`"180.00"`) or a plain JSON number (`180`, `180.50`) -> Decimal > 0, exactly as written."""

    json_schema: ClassVar[JsonSchema] = {
        "anyOf": [
            {
                "type": "string",
                "pattern": r"^(?:[1-9][0-9]{0,9}(?:\.[0-9]{1,3})?|0\.(?:[1-9][0-9]{0,2}|0[1-9][0-9]?|00[1-9]))$",
            },
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**10},
        ],
        "examples": ["180.00"],
    }

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        text = str(cstruct) if type(cstruct) is int and 0 < cstruct < 10**16 else cstruct
        if not isinstance(text, str) or len(text) > 16 or not _AMOUNT.fullmatch(text) or Decimal(text) == 0:
            raise colander.Invalid(node, 'Not a positive amount such as "180.00"')
        return Decimal(text)


class MinorUnits(colander.SchemaType):
    """A JSON integer of minor units (cents for AUD), 1 to `money.MAX_MINOR_UNITS`."""

    json_schema: ClassVar[JsonSchema] = {
        "type": "integer",
        "minimum": 1,
        "maximum": money.MAX_MINOR_UNITS,
        "examples": [18000],
    }

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if type(cstruct) is not int or not 1 <= cstruct <= money.MAX_MINOR_UNITS:
            raise colander.Invalid(node, "Not a positive whole number of minor units such as 18000")
        return cstruct


class Integer(colander.SchemaType):
    """A JSON integer; bounds by `colander.Range`."""

    json_schema: ClassVar[JsonSchema] = {"type": "integer", "minimum": -MAX_ID, "maximum": MAX_ID}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if type(cstruct) is not int or abs(cstruct) > MAX_ID:
            raise colander.Invalid(node, "Not a whole number")
        return cstruct


class Id(colander.SchemaType):
    """A positive 64-bit id, as a JSON integer or as its decimal text -> int."""

    json_schema: ClassVar[JsonSchema] = {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": MAX_ID},
            {"type": "string", "pattern": f"^{_ID_TEXT.pattern}$"},
        ],
        "examples": [123],
    }

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if isinstance(cstruct, str) and not isinstance(cstruct, JsonNumber) and _ID_TEXT.fullmatch(cstruct):
            cstruct = int(cstruct)
        if type(cstruct) is not int or not 1 <= cstruct <= MAX_ID:
            raise colander.Invalid(node, "Not a valid id")
        return cstruct


class Flag(colander.SchemaType):
    """JSON `true` or `false`, nothing else."""

    json_schema: ClassVar[JsonSchema] = {"type": "boolean"}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, bool):
            raise colander.Invalid(node, "Not true or false")
        return cstruct


class Text(colander.SchemaType):
    """A JSON string that every database can hold: no NUL, no lone surrogate. Kept as sent; bounds by
    `colander.Length`."""

    json_schema: ClassVar[JsonSchema] = {"type": "string"}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, str) or isinstance(cstruct, JsonNumber):
            raise colander.Invalid(node, "Not a text")
        if not is_storable(cstruct):
            raise colander.Invalid(node, "Contains characters that cannot be stored")
        return cstruct


class Currency(colander.SchemaType):
    """An ISO 4217 code in any case -> upper case."""

    json_schema: ClassVar[JsonSchema] = {"type": "string", "pattern": "^[A-Za-z]{3}$", "examples": ["AUD"]}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, str) or not cstruct.isascii() or not money.is_currency(cstruct.upper()):
            raise colander.Invalid(node, "Not a known currency code such as AUD")
        return cstruct.upper()


class Moment(colander.SchemaType):
    """ISO 8601 date and time with an offset or `Z` -> aware datetime."""

    json_schema: ClassVar[JsonSchema] = {
        "type": "string",
        "format": "date-time",
        "examples": ["2025-01-19T10:30:00Z"],
    }

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        try:
            moment = datetime.fromisoformat(cstruct) if isinstance(cstruct, str) and _TIME.fullmatch(cstruct) else None
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or not 1900 <= moment.year <= 2200:
            raise colander.Invalid(node, 'Not a date and time with an offset such as "2025-01-19T10:30:00Z"')
        return moment.astimezone(UTC)


class Day(colander.SchemaType):
    """`"2025-01-19"` -> date."""

    json_schema: ClassVar[JsonSchema] = {"type": "string", "format": "date", "examples": ["2025-01-19"]}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        try:
            day = date.fromisoformat(cstruct) if isinstance(cstruct, str) and _DAY.fullmatch(cstruct) else None
        except ValueError:
            day = None
        if day is None or not 1900 <= day.year <= 2200:
            raise colander.Invalid(node, 'Not a date such as "2025-01-19"')
        return day


class Metadata(colander.SchemaType):
    """The client's own notes: at most 50 keys of 40 characters with text values of 500. Kept, never trusted, never
    sent on.

    The bounds are those of Stripe's metadata, which clients know (docs.stripe.com/api/metadata).
    """

    json_schema: ClassVar[JsonSchema] = {
        "type": "object",
        "maxProperties": 50,
        "propertyNames": {"maxLength": 40},
        "additionalProperties": {"type": "string", "maxLength": 500},
        "examples": [{"appointment_id": "123"}],
    }

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, dict) or len(cstruct) > 50:
            raise colander.Invalid(node, "Not an object of at most 50 texts")
        for key, value in cstruct.items():
            if not isinstance(value, str) or isinstance(value, JsonNumber) or len(key) > 40 or len(value) > 500:
                raise colander.Invalid(node, "Keys are texts of at most 40 characters, values texts of at most 500")
            if not (is_storable(key) and is_storable(value)):
                raise colander.Invalid(node, "Contains characters that cannot be stored")
        return dict(cstruct)


def is_storable(text: str) -> bool:
    """False for NUL (PostgreSQL refuses it) and lone surrogates (UTF-8 refuses them)."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
