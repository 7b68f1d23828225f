"""Strict colander nodes, shared by the views and by providers' parameter schemas.

colander's stock nodes accept NaN, Arabic digits and "1_000", and read "off" as True; these accept one spelling of a
value and refuse the rest. `null` counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import colander
import phonenumbers

from tp_gateway import money
from tp_gateway.errors import ValidationError

MAX_ID = 2**63 - 1
_PHONE = re.compile(r"[0-9+(). -]{6,32}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"[0-9TWZ:+. -]{10,40}", re.ASCII)
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,3})?", re.ASCII)
_ID_TEXT = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


class JsonNumber(str):
    """A JSON number with a fraction or exponent, kept as the text that was sent."""

    __slots__ = ()


class Amount(colander.SchemaType):
    """Decimal text (`"180.00"`) or a plain JSON number (`180`, `180.50`) -> Decimal > 0, exactly as written."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        text = str(cstruct) if type(cstruct) is int and 0 < cstruct < 10**16 else cstruct
        if not isinstance(text, str) or len(text) > 16 or not _AMOUNT.fullmatch(text) or Decimal(text) == 0:
            raise colander.Invalid(node, 'Not a positive amount such as "180.00"')
        return Decimal(text)


class MinorUnits(colander.SchemaType):
    """A JSON integer of minor units (cents for AUD), 1 to `money.MAX_MINOR_UNITS`."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if type(cstruct) is not int or not 1 <= cstruct <= money.MAX_MINOR_UNITS:
            raise colander.Invalid(node, "Not a positive whole number of minor units such as 18000")
        return cstruct


class Integer(colander.SchemaType):
    """A JSON integer; bounds by `colander.Range`."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if type(cstruct) is not int or abs(cstruct) > MAX_ID:
            raise colander.Invalid(node, "Not a whole number")
        return cstruct


class Id(colander.SchemaType):
    """A positive 64-bit id, as a JSON integer or as its decimal text -> int."""

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

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, bool):
            raise colander.Invalid(node, "Not true or false")
        return cstruct


class Text(colander.SchemaType):
    """A JSON string that every database can hold: no NUL, no lone surrogate. Kept as sent; bounds by
    `colander.Length`."""

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

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, str) or not cstruct.isascii() or not money.is_currency(cstruct.upper()):
            raise colander.Invalid(node, "Not a known currency code such as AUD")
        return cstruct.upper()


class Moment(colander.SchemaType):
    """ISO 8601 date and time with an offset or `Z` -> aware datetime."""

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


class AhpraNumber(colander.SchemaType):
    """An AHPRA registration number: 3 letters followed by 10 digits (frontend document, settings)."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, str) or not re.fullmatch(r"[A-Z]{3}[0-9]{10}", cstruct, re.ASCII):
            raise colander.Invalid(node, "Invalid AHPRA format. Expected: 3 letters followed by 10 digits")
        return cstruct


class AustralianPhone(colander.SchemaType):
    """A phone number that is valid in Australia, kept as written."""

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


class Metadata(colander.SchemaType):
    """The client's own notes: at most 50 keys of 40 characters with text values of 500. Kept, never trusted, never
    sent on.

    The bounds are those of Stripe's metadata, which clients know (docs.stripe.com/api/metadata).
    """

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


def is_storable(text: str) -> bool:
    """False for NUL (PostgreSQL refuses it) and lone surrogates (UTF-8 refuses them)."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


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
