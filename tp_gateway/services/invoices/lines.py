"""The lines of an invoice to be made: what is missing is derived, what contradicts itself is refused by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tp_gateway import money
from tp_gateway.errors import ValidationError
from tp_gateway.models.states import GstTreatment
from tp_gateway.services.invoices import gst

Price = Decimal | int
"""Decimal in major units, int in minor units."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line as it is asked for; None is what shall be derived."""

    description: str
    quantity: int = 1
    unit_price: Price | None = None
    total: Price | None = None
    gst_treatment: str | None = None
    service_date: date | None = None
    item_number: str | None = None
    practitioner_id: int | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a line has that does not say otherwise; `rate` is that of taxable lines."""

    currency: str
    rate: int
    gst_treatment: str = GstTreatment.TAXABLE
    service_date: date | None = None
    practitioner_id: int | None = None


def complete(items: Sequence[Item], amount: Price | None, defaults: Defaults) -> list[dict[str, Any]]:
    """The lines as they are stored, in minor units. ValidationError on `items`, by their place from 0, or `amount`."""
    asked = _minor(amount, defaults.currency, "amount")
    lines, problems = list[dict[str, Any]](), dict[str, Any]()
    for place, item in enumerate(items):
        try:
            lines.append(_line(place + 1, item, asked if len(items) == 1 else None, defaults))
        except ValidationError as error:
            problems[str(place)] = error.details
    if problems:
        raise ValidationError({"items": problems})
    total = sum(line["total"] for line in lines)
    if asked is not None and asked != total:
        raise ValidationError({"amount": [f"The items add up to {money.to_decimal_text(total, defaults.currency)}"]})
    if not 0 < total <= money.MAX_MINOR_UNITS:
        most = money.to_decimal_text(money.MAX_MINOR_UNITS, defaults.currency)
        raise ValidationError({"items": [f"Must add up to more than zero and at most {most}"]})
    return lines


def _line(position: int, item: Item, amount: int | None, defaults: Defaults) -> dict[str, Any]:
    unit_price = _minor(item.unit_price, defaults.currency, "unit_price")
    total = _minor(item.total, defaults.currency, "total")
    if total is None:
        total = item.quantity * unit_price if unit_price is not None else amount
    if total is None:
        raise ValidationError({"unit_price": ["Required, or a total"]})
    if unit_price is None:
        unit_price = total // item.quantity
    right = item.quantity * unit_price
    if right != total:
        text = money.to_decimal_text(right, defaults.currency)
        each = money.to_decimal_text(unit_price, defaults.currency)
        raise ValidationError({"total": [f"{item.quantity} times {each} is {text}"]})
    treatment = item.gst_treatment or defaults.gst_treatment
    rate = defaults.rate if treatment == GstTreatment.TAXABLE else 0
    kept: Mapping[str, Any] = {
        "position": position,
        "description": item.description,
        "quantity": item.quantity,
        "unit_price": unit_price,
        "total": total,
        "gst_treatment": str(treatment),
        "gst_rate": rate,
        "gst": gst.included(total, rate),
        "service_date": item.service_date or defaults.service_date,
        "item_number": item.item_number,
        "practitioner_id": item.practitioner_id or defaults.practitioner_id,
    }
    return dict(kept)


def _minor(price: Price | None, currency: str, field: str) -> int | None:
    if not isinstance(price, Decimal):
        return price
    try:
        return money.to_minor_units(price, currency)
    except ValueError as error:
        raise ValidationError({field: [str(error)]}) from None
