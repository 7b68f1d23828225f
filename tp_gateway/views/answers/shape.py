"""The words in which answers are declared: JSON Schema (2020-12) in small pieces, and `Shape`, a piece with a name.

Every key stands in the answer unless it is `sometimes` or `staff` (what only staff see), and there are no others,
unless it is `open` to what a provider adds. The API document is made of these, and the tests hold every answer to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

JsonSchema = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """An object of an answer. `about` is one paragraph. `collection` is the part of a path before its `{id}`, where
    something can be asked about it under the id in its `id`."""

    name: str
    about: str
    always: Mapping[str, Any]
    sometimes: Mapping[str, Any] = field(default_factory=dict)
    staff: Mapping[str, Any] = field(default_factory=dict)
    open: str | JsonSchema = ""
    collection: str = ""

    def pieces(self) -> dict[str, Any]:
        """Name -> piece, of every key it can have."""
        return {**self.always, **self.sometimes, **self.staff}

    def schema(self) -> JsonSchema:
        """With other shapes in it as they are: `pieces` takes them out."""
        shown = {name: told(piece, "Seen by staff.") for name, piece in self.staff.items()}
        others = {"description": self.open} if isinstance(self.open, str) else self.open
        return {
            "type": "object",
            "description": self.about,
            "properties": {**self.always, **self.sometimes, **shown},
            "required": sorted(self.always),
            "additionalProperties": others if self.open else False,
        }


@dataclass(frozen=True)
class File:
    """An answer that is no JSON, of one of these media types; a name ending in `*` stands for what a plugin says."""

    media: tuple[str, ...]
    about: str = ""


Answer = Shape | File | None
"""None: no body at all."""


def told(piece: Any, text: str) -> Any:
    """The piece with a description (beside a reference that is allowed since JSON Schema 2019-09)."""
    if isinstance(piece, Shape):
        return {"allOf": [piece], "description": text}
    return {**piece, "description": f"{piece['description']} {text}" if "description" in piece else text}


def nullable(piece: Any) -> JsonSchema:
    """It, or null."""
    if isinstance(piece, Shape) or "type" not in piece:
        return {"anyOf": [piece, {"type": "null"}]}
    more = {"enum": [*piece["enum"], None]} if "enum" in piece else {}
    return {**piece, "type": [piece["type"], "null"], **more}


def one_of(words: Iterable[str]) -> JsonSchema:
    return {"type": "string", "enum": [str(word) for word in words]}


def list_of(piece: Any) -> JsonSchema:
    return {"type": "array", "items": piece}


def text(example: str, about: str = "") -> JsonSchema:
    return {"type": "string", "examples": [example], **({"description": about} if about else {})}


def whole(example: int) -> JsonSchema:
    return {"type": "integer", "minimum": 0, "examples": [example]}


TEXT: JsonSchema = {"type": "string"}
FLAG: JsonSchema = {"type": "boolean"}
ID: JsonSchema = {"type": "integer", "minimum": 1, "examples": [789]}
MOMENT: JsonSchema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", "format": "date-time"} | {
    "examples": ["2025-01-19T10:30:00Z"]
}
DAY: JsonSchema = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$", "examples": ["2025-01-19"]}
CURRENCY: JsonSchema = {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["AUD"]}
AMOUNT: JsonSchema = {"type": "string", "pattern": r"^(?:0|[1-9]\d*)(?:\.\d{2,3})?$", "examples": ["180.00"]}
SIGNED: JsonSchema = {"type": "string", "pattern": r"^-?(?:0|[1-9]\d*)(?:\.\d{2,3})?$", "examples": ["180.00"]}
SLUG: JsonSchema = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}$", "examples": ["stripe"]}
ACTOR: JsonSchema = {"type": "string", "examples": ["user:2"]}
URL: JsonSchema = {"type": "string", "format": "uri", "examples": ["https://pay.stripe.com/receipts/1"]}
RECEIPT: JsonSchema = {
    "type": "string",
    "format": "uri-reference",
    "description": "The provider's own page, or the path of our receipt (PDF).",
    "examples": ["https://pay.stripe.com/receipts/1", "/api/billing/payments/789/receipt/"],
}
NEXT: JsonSchema = nullable(text("/api/billing/payments/?limit=50&before_id=740", "The path of the next page."))


def page_of(name: str, key: str, item: Shape) -> Shape:
    """A list with its next page."""
    return Shape(name, f"Newest first: {item.about[0].lower()}{item.about[1:]}", {key: list_of(item), "next": NEXT})
