"""Fields that only the practice's settings have."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import colander

from tp_gateway import fields, identifiers
from tp_gateway.addresses import HOST

_RATE = re.compile(r"0(?:\.[0-9]{1,4})?|1(?:\.0{1,4})?", re.ASCII)
_VISIBLE = re.compile(r"[!-~]+", re.ASCII)
_NOBODYS = ("Factory", "localtime")
"""Names of no place: what they mean depends on the machine."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", re.ASCII)


class OrBlank(colander.SchemaType):
    """What `kind` takes; or "", which is unknown."""

    def __init__(self, kind: colander.SchemaType) -> None:
        self.kind = kind
        said: fields.JsonSchema = kind.json_schema
        self.json_schema: fields.JsonSchema = {"anyOf": [said, {"type": "string", "const": ""}]}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        return "" if cstruct == "" else self.kind.deserialize(node, cstruct)


class SectionMapping(fields.StrictMapping):
    """`null` empties what may be blank; elsewhere it is as good as absent."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if isinstance(cstruct, dict):
            blank = {child.name for child in node.children if isinstance(child.typ, OrBlank)}
            cstruct = {name: "" if value is None and name in blank else value for name, value in cstruct.items()}
        return super().deserialize(node, cstruct)


class Rate(colander.SchemaType):
    """A JSON number from 0 to 1 -> Decimal, exactly as written; at most four decimals."""

    json_schema: ClassVar[fields.JsonSchema] = {"type": "number", "minimum": 0, "maximum": 1, "examples": [0.1]}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if (type(cstruct) is int and cstruct in (0, 1)) or (
            isinstance(cstruct, fields.JsonNumber) and _RATE.fullmatch(cstruct)
        ):
            return Decimal(cstruct)
        raise colander.Invalid(node, "Not a number from 0 to 1 with at most four decimals, such as 0.1")


class Checked(fields.Text):
    """A text that passes `check`, kept as written."""

    message = ""

    def check(self, text: str) -> bool:
        raise NotImplementedError

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        text = super().deserialize(node, cstruct)
        if text is not colander.null and not self.check(text):
            raise colander.Invalid(node, self.message)
        return text


class Website(Checked):
    json_schema: ClassVar[fields.JsonSchema] = {
        "type": "string",
        "format": "uri",
        "examples": ["https://clinic.example"],
    }
    message = 'Not a web address such as "https://clinic.example"'

    def check(self, text: str) -> bool:
        if not _VISIBLE.fullmatch(text):
            return False
        try:
            parts = urlsplit(text)
            named = parts.port is None or parts.port > 0
        except ValueError:
            return False
        host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
        return parts.scheme in ("http", "https") and named and HOST.fullmatch(host) is not None


class TimeZone(Checked):
    json_schema: ClassVar[fields.JsonSchema] = {"type": "string", "examples": ["Australia/Melbourne"]}
    message = "Not a time zone such as Australia/Melbourne"

    def check(self, text: str) -> bool:
        return text in available_timezones() and text not in _NOBODYS


class Language(Checked):
    json_schema: ClassVar[fields.JsonSchema] = {
        "type": "string",
        "pattern": f"^{_LANGUAGE.pattern}$",
        "examples": ["en-au"],
    }
    message = "Not a language such as en-au"

    def check(self, text: str) -> bool:
        return _LANGUAGE.fullmatch(text) is not None


class Identifier(fields.Text):
    """A number with check digits, kept as written. Wrong check digits pass: they are the service's business."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self.read = read

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        text = super().deserialize(node, cstruct)
        try:
            if text is not colander.null:
                self.read(text)
        except identifiers.WrongCheckDigit:
            pass
        except identifiers.InvalidIdentifier as invalid:
            raise colander.Invalid(node, str(invalid)) from None
        return text
