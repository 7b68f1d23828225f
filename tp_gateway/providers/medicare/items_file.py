"""Reads a catalogue file (JSON) into items. The form is that of `items.json` beside this module; anything else is
refused with the place where it stands, before the first payment rather than at it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import colander

from tp_gateway.contract import ConfigurationError, fields, money
from tp_gateway.providers.medicare.items import Certainty, CountsAs, Fee, Item, Kind, Service, Setting
from tp_gateway.providers.medicare.nodes import Choice

_SHIPPED = "items.json"
_NUMBER = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)


def _item_number(node: colander.SchemaNode, value: str) -> None:
    if not _NUMBER.fullmatch(value):
        raise colander.Invalid(node, "Not an MBS item number of up to 5 digits")


def _some(node: colander.SchemaNode, value: list[Any]) -> None:
    if not value or len(set(value)) != len(value):
        raise colander.Invalid(node, "Name at least one, and none twice")


def _in_order(node: colander.SchemaNode, value: Mapping[str, Any]) -> None:
    if value["from"] is not None and value["to"] is not None and value["to"] < value["from"]:
        raise colander.Invalid(node, "`to` is before `from`")
    if value.get("minutes_under") is not None and value["minutes_under"] <= value["minutes_at_least"]:
        raise colander.Invalid(node, "`minutes_under` is not above `minutes_at_least`")


class _Fee(fields.Schema):
    validator = staticmethod(_in_order)
    cents = colander.SchemaNode(fields.Integer(), validator=colander.Range(1, money.MAX_MINOR_UNITS))
    start = colander.SchemaNode(fields.Day(), name="from")
    end = colander.SchemaNode(fields.Day(), name="to", missing=None)
    certainty = colander.SchemaNode(Choice(Certainty))
    source = colander.SchemaNode(fields.Text(), validator=colander.Length(1, 200))


class _Item(fields.Schema):
    validator = staticmethod(_in_order)
    number = colander.SchemaNode(fields.Text(), validator=_item_number)
    group = colander.SchemaNode(fields.Text(), validator=colander.Length(1, 10))
    description = colander.SchemaNode(fields.Text(), validator=colander.Length(1, 200))
    kinds = colander.SchemaNode(fields.Sequence(), colander.SchemaNode(Choice(Kind)), validator=_some)
    service = colander.SchemaNode(Choice(Service))
    settings = colander.SchemaNode(fields.Sequence(), colander.SchemaNode(Choice(Setting)), validator=_some)
    minutes_at_least = colander.SchemaNode(fields.Integer(), validator=colander.Range(1, 600))
    minutes_under = colander.SchemaNode(fields.Integer(), validator=colander.Range(1, 600), missing=None)
    counts_as = colander.SchemaNode(Choice(CountsAs))
    start = colander.SchemaNode(fields.Day(), name="from", missing=None)
    end = colander.SchemaNode(fields.Day(), name="to", missing=None)
    certainty = colander.SchemaNode(Choice(Certainty))
    source = colander.SchemaNode(fields.Text(), validator=colander.Length(1, 200))
    fees = colander.SchemaNode(fields.Sequence(), _Fee(), missing=())


class _File(fields.Schema):
    about = colander.SchemaNode(fields.Text(), missing="")
    items = colander.SchemaNode(fields.Sequence(), _Item())


def read_items(path: Path | None) -> Iterator[Item]:
    """The items of `path`, or of the shipped file. ConfigurationError."""
    name = str(path) if path is not None else _SHIPPED
    try:
        text = (resources.files(__package__) / _SHIPPED if path is None else path).read_text(encoding="utf-8")
        found = _File().deserialize(json.loads(text))
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}") from None
    except colander.Invalid as invalid:
        places = "; ".join(f"{place or 'the file'}: {problem}" for place, problem in invalid.asdict().items())
        raise ConfigurationError(f"{name} is no item catalogue. {places}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name} is not JSON: {error}") from None
    return (_item(entry) for entry in found["items"])


def _item(entry: dict[str, Any]) -> Item:
    fees = tuple(
        Fee(fee["cents"], fee["from"], fee["to"], fee["certainty"], fee["source"])
        for fee in sorted(entry["fees"], key=lambda fee: fee["from"])
    )
    return Item(
        number=entry["number"],
        group=entry["group"],
        description=entry["description"],
        kinds=frozenset(entry["kinds"]),
        service=entry["service"],
        settings=frozenset(entry["settings"]),
        minutes_at_least=entry["minutes_at_least"],
        minutes_under=entry["minutes_under"],
        counts_as=entry["counts_as"],
        start=entry["from"],
        end=entry["to"],
        certainty=entry["certainty"],
        source=entry["source"],
        fees=fees,
    )
