"""Reading values out of Stripe's JSON without believing their types. It knows no object of Stripe's in particular."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tp_gateway.contract import money

_URL = re.compile(r"https?://[^\s]{1,2000}", re.ASCII)
NONE: Mapping[str, Any] = {}


def text(holder: Mapping[str, Any], key: str) -> str | None:
    value = holder.get(key)
    return value if isinstance(value, str) and 0 < len(value) <= 5000 else None


def units(holder: Mapping[str, Any], key: str) -> int | None:
    """An amount of minor units: a whole number, 0 or more."""
    value = holder.get(key)
    return value if type(value) is int and 0 <= value <= 2**53 else None


def inner(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under `key`, or an empty one."""
    value = holder.get(key)
    return value if isinstance(value, dict) else NONE


def reference(holder: Mapping[str, Any], key: str, *prefixes: str) -> str | None:
    """The id under `key`, whether Stripe sent the id or (expanded) the object."""
    value = holder.get(key)
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and len(value) <= 255 and value.startswith(prefixes) else None


def currency(holder: Mapping[str, Any]) -> str | None:
    value = text(holder, "currency")
    return value.upper() if value and money.is_currency(value.upper()) else None


def url(holder: Mapping[str, Any], key: str) -> str | None:
    value = text(holder, key)
    return value if value and _URL.fullmatch(value) else None


def moment(holder: Mapping[str, Any], key: str = "created") -> datetime | None:
    """When Stripe made the object, or another moment of it."""
    value = holder.get(key)
    return datetime.fromtimestamp(value, UTC) if type(value) is int and 0 <= value < 2**35 else None


def labels(holder: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in inner(holder, "metadata").items() if isinstance(value, str)}
